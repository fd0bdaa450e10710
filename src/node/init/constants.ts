/** Numbers of the kernel's interface that the init's lists use (uapi headers; the same on x86-64 and arm64). */

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_RECURSIVE = 0x8000;

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE = 1 << 18;
export const MNT_DETACH = 2;

export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
export const FSCONFIG_CMD_CREATE = 6;
export const MOUNT_ATTR_RDONLY = 1;
export const MOUNT_ATTR_NOSUID = 2;
export const MOUNT_ATTR_NODEV = 4;
export const MOUNT_ATTR_NOEXEC = 8;

/** openat2(2): neither `..` nor a link leads out of the directory. */
export const RESOLVE_BENEATH = 8;

export const CLONE_NEWNS = 0x20000;

export const PR_SET_PDEATHSIG = 1;
export const PR_SET_DUMPABLE = 4;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;
export const CAPABILITY_VERSION_3 = 0x20080522;

export const KEYCTL_JOIN_SESSION_KEYRING = 1;

export const SIGKILL = 9;
export const SIGCHLD = 17;
export const TIOCSCTTY = 0x540e;
export const S_IFREG = 0o100000;
