/** nf_tables: objects, selectors and statements as values, transactions of them, the kernel's tables. */
export type { ListedElement, ListedRule, NftablesClient, RunOptions } from './nftables/client.ts';
export type { DataType, Value } from './nftables/data-types.ts';
export { NftablesValueError } from './nftables/data-types.ts';
export { describeOperation } from './nftables/describe.ts';
export { NftablesError } from './nftables/error.ts';
export { FakeNftables } from './nftables/fake.ts';
export { Nftables, type NftablesOptions } from './nftables/nftables.ts';
export * from './nftables/objects.ts';
export { printOperation, printTransaction } from './nftables/print.ts';
export * from './nftables/selectors.ts';
export * from './nftables/statements.ts';
export { type Operation, Transaction } from './nftables/transaction.ts';
