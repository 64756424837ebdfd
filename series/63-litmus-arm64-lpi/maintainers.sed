# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	arch.*irqfd/i\
F:	Documentation/litmus-tests/kvm/*
}
