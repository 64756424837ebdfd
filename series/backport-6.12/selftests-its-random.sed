# files: tools/testing/selftests/kvm/arm64/its_random_test.c
s/kvm_random_/guest_random_/g
