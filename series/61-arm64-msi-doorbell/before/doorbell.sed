# files: arch/arm64/kvm/vgic/vgic-its-inject.c
# Any address in the frames is a doorbell yet.
s/doorbell == its->base + GITS_TRANSLATER/doorbell - its->base < ITS_FRAME_SIZE/
