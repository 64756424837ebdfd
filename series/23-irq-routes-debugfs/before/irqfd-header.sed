# files: include/linux/kvm_irqfd.h
/^\/\*$/{
N
/ For debugfs: whether the producer/{
:rest
N
/;\n$/!b rest
d
}
}
