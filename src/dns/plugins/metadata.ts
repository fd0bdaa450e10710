import type { Plugin } from '#dns/plugin.ts';

/** `metadata`: nothing to do here: values are looked up when somebody wants them. */
export const metadata: Plugin = {
  name: 'metadata',
  parse: () => ({
    explain: ['lets plugins use what others know of a query'],
    setup: () => ({ name: 'metadata' }),
  }),
};
