import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWindowsHostResolver, type WindowsResolver } from './plan-host-resolver.ts';

const windows: WindowsResolver = {
  servers: ['8.8.8.8\0\0\0', '2001:db8::53'],
  searchList: 'corp.example,example',
  interfaceSearchLists: ['', 'example,lab.example', 'lab.example,x'],
};
const nothing = { servers: ['\0\0'], searchList: '', interfaceSearchLists: [''] };

test('planWindowsHostResolver() takes the settings of Windows for Host', () => {
  assert.deepEqual(planWindowsHostResolver('Host', { file: undefined, windows }), {
    nameservers: ['8.8.8.8', '2001:db8::53'],
    searches: ['corp.example', 'example', 'lab.example', 'x'],
    options: [],
  });
  const empty = { nameservers: [], searches: [], options: [] };
  assert.deepEqual(planWindowsHostResolver('Host', { file: undefined, windows: nothing }), empty);
});

test('planWindowsHostResolver() prefers a file, also one called Host', () => {
  const file = 'nameserver 1.1.1.1\nsearch a. b\noptions ndots:2\n';
  for (const path of ['C:\\etc\\resolv.conf', 'Host']) {
    assert.deepEqual(planWindowsHostResolver(path, { file, windows }), {
      nameservers: ['1.1.1.1'],
      searches: ['a', 'b'],
      options: ['ndots:2'],
    });
  }
});

test('planWindowsHostResolver() has none for the empty word, whatever Windows says', () => {
  assert.equal(planWindowsHostResolver('', { file: 'nameserver 1.1.1.1', windows }), undefined);
});

test('planWindowsHostResolver() refuses another word and a broken file', () => {
  assert.throws(() => planWindowsHostResolver('host', { file: undefined, windows }), {
    name: 'ResolvConfError',
    message:
      'Unexpected resolver config value: "host". Expected "", "Host", or a path to an existing resolv.conf file.',
  });
  assert.throws(() => planWindowsHostResolver('f', { file: 'nameserver', windows }), {
    name: 'ResolvConfError',
    message: /nameserver list is empty/,
  });
});
