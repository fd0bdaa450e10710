/** Waits without holding the process. Resolves early when the signal fires; tells whether it has not. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(done, signal.aborted ? 0 : ms).unref();
    signal.addEventListener('abort', done);
  });
}
