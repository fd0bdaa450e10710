import { testRtnetlinkClient } from './rtnetlink-contract.ts';
import { FakeNetwork } from './rtnetlink-fake.ts';

testRtnetlinkClient(() => new FakeNetwork());
