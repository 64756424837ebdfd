# files: tools/testing/selftests/kvm/arm64/its_tables_restore_test.c
# A failed assertion jumps to the end of the test instead of ending the process.
s/kvm_random_/guest_random_/g
s/^\town\.teardown_fn = NULL;.*/\tif (setjmp(own.env))\
\t\t_exit(KSFT_FAIL);/
