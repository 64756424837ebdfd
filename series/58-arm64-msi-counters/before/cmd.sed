# files: arch/arm64/kvm/vgic/vgic-its-cmd.c
# A command that is refused is skipped without a word.
/^static void its_cmd_reject(/,/^}$/{
/^}$/N
d
}
/^static bool its_cmd_process_run(/,/^}/{
/^		if (ret)$/{
N
d
}
}
s/^ \* skipped, counted and traced, and the queue goes on\./ * skipped, and the queue goes on./
