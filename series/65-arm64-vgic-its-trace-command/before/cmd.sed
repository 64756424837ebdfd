# files: arch/arm64/kvm/vgic/vgic-its-cmd.c
# Only commands that are refused are traced yet.
/^\/\* @cmd without what its opcode/,/^static void its_cmd_reject(/{
/^static void its_cmd_reject(/!d
}
/^		if (trace_vgic_its_command_enabled())$/{
N
d
}
