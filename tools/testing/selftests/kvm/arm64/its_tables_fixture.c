// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_tables_fixture - print the ITS tables that this kernel saves
 *
 * Sets up the scenes of its_tables_scenes.h one by one, saves the tables and prints
 * the memory as its_tables_fixture.h, which its_tables_test compares with what
 * another kernel saves. That file says how it was made. Not a test.
 */
#include <stdio.h>

#include "its_tables_scenes.h"

static const char head[] =
"/*\n"
" * ITS tables, ABI revision 0, as Linux 6.12 saves them: the scenes of\n"
" * its_tables_scenes.h, each after KVM_DEV_ARM_ITS_SAVE_TABLES.\n"
" *\n"
" * Made by its_tables_fixture; do not edit. To make it anew, have that kernel run\n"
" * the program, in the tree that keeps this series:\n"
" *\n"
" *   scripts/host build/arm64-base/arch/arm64/boot/Image \\\n"
" *     build/selftests/arm64/kvm/aarch64/its_tables_fixture |\n"
" *     sed '/^Random seed/d; s/\\r//' > its_tables_fixture.h\n"
" */\n"
"static const struct scene_run its_tables_fixture[] = {\n";

/* The next word after @pos that is not zero; @words where there is none. */
static u32 next_word(const u64 *memory, u32 pos, u32 words)
{
	while (pos < words && !memory[pos])
		pos++;
	return pos;
}

/*
 * Fill @run with what starts at @pos: one word, or three and more that follow a rule.
 * Returns the first word after it that is not zero.
 */
static u32 find_run(const u64 *memory, u32 pos, u32 words, struct scene_run *run)
{
	u32 second = next_word(memory, pos + 1, words), next = second;
	u32 last = pos, stride = second - pos, more = 0;
	u64 delta = second < words ? memory[second] - memory[pos] : 0;

	while (next < words && next - last == stride && memory[next] - memory[last] == delta) {
		last = next;
		next = next_word(memory, next + 1, words);
		more++;
	}

	*run = (struct scene_run) {
		.offset = pos * sizeof(*memory),
		.value = memory[pos],
	};
	if (more < 2)
		return second;
	run->more = more;
	run->stride = stride * sizeof(*memory);
	run->delta = delta;
	return next;
}

static void print_run(u32 nr, const struct scene_run *run)
{
	printf("\t{ %u, 0x%06x, 0x%016lx", nr, run->offset, run->value);
	if (run->more)
		printf(", %u, 0x%x, 0x%lx", run->more, run->stride, run->delta);
	printf(" },\n");
}

static void print_scene(u32 nr, const u64 *memory)
{
	u32 words = SCENE_SIZE / sizeof(*memory), pos = next_word(memory, 0, words);
	struct scene_run run;

	printf("\t/* %s */\n", scenes[nr].name);
	while (pos < words) {
		pos = find_run(memory, pos, words, &run);
		print_run(nr, &run);
	}
}

static void save_scene(u32 nr)
{
	struct scene_list *list = scene_list(&scenes[nr]);
	struct its_vmm v;
	void *memory;

	memory = scene_create(&v, &scenes[nr], list);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	print_scene(nr, memory);
	its_vmm_destroy(&v);
	free(list);
}

int main(void)
{
	printf("/* %s: GPL-2.0-only */\n", "SPDX-License-Identifier");
	fputs(head, stdout);
	for (u32 i = 0; i < NR_SCENES; i++)
		save_scene(i);
	puts("};");
	return 0;
}
