/**
 * Says in one line why unshare(1) failed and what would help. `output` is what it printed; `limits` the sysctls that
 * govern namespaces, undefined where the kernel does not have them.
 */
export function explainUnshare(
  output: string,
  exitCode: number | null,
  limits: Readonly<Record<string, string | undefined>>,
): string {
  const said = output.trim().split('\n').at(-1) ?? '';
  const zero = ['user.max_user_namespaces', 'user.max_pid_namespaces', 'user.max_mnt_namespaces'].find(
    (name) => limits[name] === '0',
  );
  if (/No space left on device/.test(said)) {
    return `no more namespaces are allowed (ENOSPC): raise sysctl ${zero ?? 'user.max_user_namespaces'}${
      zero === undefined ? '' : ', which is 0'
    }`;
  }
  if (/Operation not permitted|Permission denied/.test(said)) {
    const culprit = refusingSysctl(limits);
    return culprit === undefined
      ? `namespaces are not permitted here (${said}): run outside of a container, or as root`
      : `user namespaces are not permitted: set sysctl ${culprit}`;
  }
  return `the supervisor did not start (exit code ${exitCode ?? 'none'})${said === '' ? '' : `: ${said}`}`;
}

function refusingSysctl(limits: Readonly<Record<string, string | undefined>>): string | undefined {
  if (limits['kernel.unprivileged_userns_clone'] === '0') return 'kernel.unprivileged_userns_clone=1';
  if (limits['kernel.apparmor_restrict_unprivileged_userns'] === '1') {
    return 'kernel.apparmor_restrict_unprivileged_userns=0';
  }
  if (limits['user.max_user_namespaces'] === '0') return 'user.max_user_namespaces to more than 0';
  return undefined;
}
