# files: include/linux/irqbypass.h
# Nor has it a description.
/^ \* @node: /d
