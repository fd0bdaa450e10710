import assert from 'node:assert/strict';
import { it } from 'node:test';
import { requestInfo } from './request-info.ts';

const CASES: readonly [method: string, url: string, verb: string, parts: string][] = [
  ['GET', '/api/v1/namespaces', 'list', 'core v1 namespaces'],
  ['GET', '/api/v1/namespaces/a', 'get', 'core v1 namespaces name=a ns=a'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update', 'core v1 namespaces name=a ns=a sub=finalize'],
  ['GET', '/api/v1/namespaces/a/pods', 'list', 'core v1 pods ns=a'],
  ['GET', '/api/v1/namespaces/a/pods?watch=1', 'watch', 'core v1 pods ns=a'],
  ['GET', '/api/v1/namespaces/a/pods?watch=0', 'list', 'core v1 pods ns=a'],
  ['GET', '/api/v1/watch/namespaces/a/pods', 'watch', 'core v1 pods ns=a'],
  ['DELETE', '/api/v1/namespaces/a/pods', 'deletecollection', 'core v1 pods ns=a'],
  ['DELETE', '/api/v1/namespaces/a/pods/p', 'delete', 'core v1 pods name=p ns=a'],
  ['POST', '/api/v1/namespaces/a/pods/p/binding', 'create', 'core v1 pods name=p ns=a sub=binding'],
  ['GET', '/apis/apps/v1/deployments', 'list', 'apps v1 deployments'],
  ['FROB', '/apis/apps/v1/deployments', '', 'apps v1 deployments'],
  [
    'GET',
    '/api/v1/namespaces/a/services/s/proxy/x%2Fy/z',
    'get',
    'core v1 services name=s ns=a sub=proxy tail=/x%2Fy/z',
  ],
  ['GET', '/api/v1/namespaces/a/services/s/proxy/', 'get', 'core v1 services name=s ns=a sub=proxy tail=/'],
  [
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    'get',
    'rbac.authorization.k8s.io v1 clusterroles name=system:node',
  ],
];

for (const [method, url, verb, parts] of CASES) {
  it(`\`requestInfo()\` reads ${method} ${url}`, () => {
    const info = requestInfo(method, url);
    const { group = '', version, resource, name, namespace, subresource, tail } = info.target ?? {};
    const text = [
      group || 'core',
      version,
      resource,
      name && `name=${name}`,
      namespace && `ns=${namespace}`,
      subresource && `sub=${subresource}`,
      tail && `tail=${tail}`,
    ];
    assert.equal(text.filter(Boolean).join(' '), parts);
    assert.equal(info.verb, verb);
  });
}

for (const url of ['/', '/version', '/api', '/api/v1', '/apis/apps', '/apis/apps/v1', '/healthz?verbose']) {
  it(`\`requestInfo()\` finds no object in ${url}`, () => {
    assert.equal(requestInfo('GET', url).target, undefined);
    assert.equal(requestInfo('GET', url).verb, 'get');
  });
}

it('`requestInfo()` tells the one name that a field selector lets through', () => {
  assert.equal(
    requestInfo('GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dp').nameForAccess,
    'p',
  );
  assert.equal(
    requestInfo('GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name!%3Dp').nameForAccess,
    '',
  );
});

it('`requestInfo()` takes no name from the selector of a write, which rights to that name must not allow', () => {
  for (const method of ['POST', 'DELETE']) {
    const url = '/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dp';
    assert.equal(requestInfo(method, url).nameForAccess, '', method);
  }
});

it('`requestInfo()` takes no name from within the value of another condition', () => {
  const selector = encodeURIComponent('type!=a\\,metadata.name=p');
  assert.equal(requestInfo('GET', `/api/v1/secrets?fieldSelector=${selector}`).nameForAccess, '');
});

it('`requestInfo()` throws URIError when the path is malformed', () => {
  assert.throws(() => requestInfo('GET', '/api/v1/namespaces/%zz/pods'), URIError);
});
