import { enterTestNamespace } from '#test/support/namespace.ts';
import { testNftablesClient } from './client-contract.ts';
import { Nftables } from './nftables.ts';

await enterTestNamespace();

testNftablesClient(() => Nftables.open());
