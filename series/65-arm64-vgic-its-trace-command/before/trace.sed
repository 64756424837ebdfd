# files: arch/arm64/kvm/vgic/trace_its.h
/^#include <linux\/irqchip\/arm-gic-v3\.h>$/d
/^struct its_cmd;$/{
N
d
}
/^\/\*$/{
N
/An ITS has processed a command/{
:rest
N
/\n);\n$/!b rest
d
}
}
