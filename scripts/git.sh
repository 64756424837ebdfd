# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154
#
# git as scripts/base and scripts/series use it: the same input gives the same
# commit, whoever runs it. Sourced after lib.sh. The user's own configuration is
# read for one thing, the name that the patches carry, and never written.

submitter=$(git -C "$top" config user.name || :)
submitter_email=$(git -C "$top" config user.email || :)

unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base@localhost
export GIT_COMMITTER_NAME=base GIT_COMMITTER_EMAIL=base@localhost
# The day of Linux 6.12.
export GIT_AUTHOR_DATE='1731881820 +0000' GIT_COMMITTER_DATE='1731881820 +0000'

# lock: wait until no other script that calls it runs. Ends with the caller.
lock()
{
	exec {lock}>"$logs/.lock"
	flock "$lock"
}
