import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Node, Pod, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { isStatusError } from '#api/machinery/status-error.ts';
import { chooseContainer, kubeletLocation } from './plan-container.ts';
import { forwardedHeaders, upgradeHeaders } from './plan-headers.ts';
import { logPath, portForwardPath, sessionPath } from './plan-kubelet-path.ts';
import { parseProxyName, parseProxyUrl, podTarget, rewriteUrl, serviceTargets } from './plan-proxy.ts';

/** The message of what is thrown, with its code. */
function refusal(action: () => unknown): string {
  try {
    action();
    return 'nothing thrown';
  } catch (error) {
    assert.ok(isStatusError(error), String(error));
    return `${error.code} ${error.message}`;
  }
}

const container = (name: string) => ({ name, image: 'x' });

describe('chooseContainer()', () => {
  const one: Pod = { metadata: { name: 'p' }, spec: { containers: [container('a')] } };
  const many: Pod = {
    metadata: { name: 'p' },
    spec: { containers: [container('a'), container('b')], initContainers: [container('i')] },
  };

  it('takes the only one, or the one that is named', () => {
    assert.equal(chooseContainer(one, null), 'a');
    assert.equal(chooseContainer(one, ''), 'a');
    assert.equal(chooseContainer(many, 'i'), 'i');
  });

  it('refuses a name that is no container, and no name where there are several', () => {
    assert.equal(
      refusal(() => chooseContainer(one, 'z')),
      '400 container z is not valid for pod p',
    );
    assert.equal(
      refusal(() => chooseContainer(many, null)),
      '400 a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]',
    );
  });
});

describe('kubeletLocation()', () => {
  it('takes the internal address and the port that the node tells', () => {
    const addresses = [
      { type: 'Hostname', address: 'n1' },
      { type: 'ExternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '172.30.0.11' },
    ];
    const node: Node = { metadata: { name: 'n1' }, status: { addresses } };
    assert.deepEqual(kubeletLocation(node), { address: '172.30.0.11', port: 10250 });
    const told: Node = { status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: 1234 } } } };
    assert.equal(kubeletLocation(told).port, 1234);
    assert.match(
      refusal(() => kubeletLocation({ metadata: { name: 'n1' } })),
      /^500 .*no preferred addresses found/,
    );
  });
});

describe('paths of the kubelet', () => {
  const target = { namespace: 'ns', pod: 'p', container: 'c' };

  it('carry the options of logs, checked', () => {
    assert.equal(
      logPath(target, new URLSearchParams('follow=true&tailLines=0&pretty=1')),
      '/containerLogs/ns/p/c?follow=true&tailLines=0',
    );
    assert.equal(
      refusal(() => logPath(target, new URLSearchParams('limitBytes=0'))),
      '422 PodLogOptions "p" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
    );
    assert.match(
      refusal(() => logPath(target, new URLSearchParams('tailLines=x'))),
      /^422/,
    );
    assert.match(
      refusal(() => logPath(target, new URLSearchParams('sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z'))),
      /at most one/,
    );
  });

  it('carry commands word by word, and streams under the kubelet’s names', () => {
    const query = new URLSearchParams({
      stdin: 'true',
      stdout: '1',
      stderr: 'false',
      tty: 'true',
      container: 'c',
    });
    query.append('command', 'echo');
    query.append('command', 'a b&c');
    assert.equal(
      sessionPath('exec', target, query),
      '/exec/ns/p/c?command=echo&command=a+b%26c&input=1&output=1&tty=1',
    );
    assert.equal(sessionPath('attach', target, query), '/attach/ns/p/c?input=1&output=1&tty=1');
    assert.equal(
      portForwardPath('ns', 'p', new URLSearchParams('ports=80&ports=81')),
      '/portForward/ns/p?port=80&port=81',
    );
  });
});

describe('parseProxyName()', () => {
  const rows: [string, ReturnType<typeof parseProxyName>][] = [
    ['web', { scheme: '', name: 'web', port: '' }],
    ['web:80', { scheme: '', name: 'web', port: '80' }],
    ['https:web:metrics', { scheme: 'https', name: 'web', port: 'metrics' }],
    ['https:web:', { scheme: 'https', name: 'web', port: '' }],
    [':web:80', { scheme: '', name: 'web', port: '80' }],
    ['ftp:web:80', undefined],
    ['a:b:c:d', undefined],
    ['', undefined],
    ['https::80', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseProxyName(text), expected));
  }
});

describe('proxy targets', () => {
  const name = (text: string) => parseProxyName(text)!;

  it('of a pod are its address and its first port unless one is named', () => {
    const pod: Pod = {
      spec: { containers: [{ ...container('a'), ports: [{ containerPort: 8080 }] }] },
      status: { podIP: '10.244.0.5' },
    };
    assert.deepEqual(podTarget(pod, name('p')), { scheme: 'http', address: '10.244.0.5', port: 8080 });
    assert.deepEqual(podTarget(pod, name('https:p:99')), {
      scheme: 'https',
      address: '10.244.0.5',
      port: 99,
    });
    assert.match(
      refusal(() => podTarget(pod, name('p:http'))),
      /^400/,
    );
    assert.equal(
      refusal(() => podTarget({}, name('p'))),
      '400 address not allowed',
    );
  });

  const service: Service = {
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53 },
      ],
    },
  };
  const slice: EndpointSlice = {
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [
      { addresses: ['10.244.0.5'], conditions: { ready: true } },
      { addresses: ['10.244.0.6'], conditions: { ready: false } },
      { addresses: ['10.244.0.7'] },
    ],
  };

  it('of a Service are the ready endpoints of the port, by its name or number', () => {
    for (const text of ['s:http', 's:80']) {
      const targets = serviceTargets(service, [slice], name(text), text);
      assert.deepEqual(
        targets.map(({ address, port }) => `${address}:${port}`),
        ['10.244.0.5:8080', '10.244.0.7:8080'],
      );
    }
  });

  it('are refused where there is no such port or no ready endpoint', () => {
    const message = (text: string) => refusal(() => serviceTargets(service, [slice], name(text), text));
    assert.equal(message('s:81'), '503 no service port 81 found for service "s"');
    assert.equal(message('s:dns'), '503 no endpoints available for service "s:dns"');
    assert.equal(message('s'), '503 no endpoints available for service "s"');
  });
});

describe('parseProxyUrl()', () => {
  it('keeps path and query as they were written', () => {
    assert.deepEqual(parseProxyUrl('/api/v1/namespaces/n/services/https:s:x/proxy/a%2Fb/?q=%20'), {
      prefix: '/api/v1/namespaces/n/services/https:s:x/proxy',
      path: '/a%2Fb/',
      query: '?q=%20',
    });
    assert.deepEqual(parseProxyUrl('/api/v1/nodes/n:10250/proxy'), {
      prefix: '/api/v1/nodes/n:10250/proxy',
      path: '',
      query: '',
    });
    assert.equal(parseProxyUrl('/api/v1/namespaces/n/pods/p/proxyx'), undefined);
  });
});

describe('rewriteUrl()', () => {
  const prefix = '/api/v1/namespaces/n/pods/p/proxy';
  const rows: [string, string][] = [
    ['/login', `${prefix}/login`],
    ['http://10.244.0.5:80/login?x#y', `${prefix}/login?x#y`],
    ['https://127.0.0.1:6443/login', `${prefix}/login`],
    ['http://elsewhere/login', 'http://elsewhere/login'],
    ['//elsewhere/login', '//elsewhere/login'],
    ['relative', 'relative'],
    [`${prefix}/login`, `${prefix}/login`],
  ];
  for (const [location, expected] of rows) {
    it(`leads ${location} to ${expected}`, () => {
      assert.equal(rewriteUrl(location, prefix, ['10.244.0.5:80', '127.0.0.1:6443']), expected);
    });
  }

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof rewriteUrl(text, prefix, ['h']) === 'string'));
  });
});

describe('headers through a proxy', () => {
  const raw = [
    'Host',
    'h',
    'Authorization',
    'Bearer x',
    'Impersonate-User',
    'jane',
    'Connection',
    'X-Own, keep-alive',
    'X-Own',
    '1',
    'X-Kept',
    'a',
    'X-Kept',
    'b',
  ];

  it('lose credentials and what is for one connection, and keep repetitions', () => {
    assert.deepEqual(forwardedHeaders(raw), [
      ['Host', 'h'],
      ['X-Kept', 'a'],
      ['X-Kept', 'b'],
    ]);
  });

  it('of an upgrade ask for it again, without the token among the subprotocols', () => {
    const protocols = 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.eA';
    const headers = upgradeHeaders([
      'Upgrade',
      'websocket',
      'Connection',
      'Upgrade',
      'Sec-WebSocket-Protocol',
      protocols,
    ]);
    assert.deepEqual(headers, [
      ['Sec-WebSocket-Protocol', 'v5.channel.k8s.io'],
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ]);
  });
});
