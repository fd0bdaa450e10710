import { openMemoryStorage } from './memory.ts';
import { describeStorage } from './storage-contract.ts';

describeStorage('openMemoryStorage()', openMemoryStorage);
