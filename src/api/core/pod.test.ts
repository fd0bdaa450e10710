import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalize } from '#api/machinery/canonical.ts';
import { kindFor } from '#api/machinery/kinds.ts';
import { strategyFor } from '#api/machinery/strategy.ts';
import type { Pod } from './v1.gen.ts';

const kind = kindFor('', 'v1', 'pods');
assert.ok(kind);
const strategy = strategyFor(kind);

function made(spec: object): Pod {
  const containers = [{ name: 'c', image: 'i' }];
  const metadata = { name: 'p', namespace: 'n', resourceVersion: '1' };
  const pod = canonicalize('core/v1.Pod', { metadata, spec: { containers, ...spec } }) as unknown as Pod;
  strategy.defaults(pod);
  strategy.prepareForCreate(pod);
  return pod;
}

function container(fields: object): object {
  return { containers: [{ name: 'c', image: 'i', ...fields }] };
}

function shown(errors: readonly { field: string; type: string }[]): string[] {
  return errors.map(
    ({ field, type }) => `${field.replace('spec.containers[0].', '')} ${type.replace('FieldValue', '')}`,
  );
}

const CREATES: readonly [string, object, string[]][] = [
  ['whole', {}, []],
  [
    'without a pull policy that exists',
    container({ imagePullPolicy: 'Sometimes' }),
    ['imagePullPolicy NotSupported'],
  ],
  [
    'with a message policy of its own',
    container({ terminationMessagePolicy: 'x' }),
    ['terminationMessagePolicy Invalid'],
  ],
  ['with a variable without name', container({ env: [{ name: '' }] }), ['env[0].name Required']],
  [
    'with a source of nothing',
    container({ env: [{ name: 'A', valueFrom: {} }] }),
    ['env[0].valueFrom Invalid'],
  ],
  [
    'with references without name or key',
    container({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { key: '' } } }] }),
    ['env[0].valueFrom.configMapKeyRef.name Required', 'env[0].valueFrom.configMapKeyRef.key Required'],
  ],
  [
    'with bad references',
    container({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'A', key: 'a/b' } } }] }),
    ['env[0].valueFrom.secretKeyRef.name Invalid', 'env[0].valueFrom.secretKeyRef.key Invalid'],
  ],
  [
    'with an unknown resource',
    container({ env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'x' } } }] }),
    ['env[0].valueFrom.resourceFieldRef.resource NotSupported'],
  ],
  [
    'with a label of its own as a variable',
    container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a/b']" } } }] }),
    [],
  ],
  [
    'with all labels as a variable',
    container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] }),
    ['env[0].valueFrom.fieldRef.fieldPath NotSupported'],
  ],
  [
    'with a field without path',
    container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: '' } } }] }),
    ['env[0].valueFrom.fieldRef.fieldPath Required'],
  ],
  [
    'with envFrom of nothing, of two and without names',
    container({
      envFrom: [
        {},
        { configMapRef: { name: 'a' }, secretRef: { name: 'b' } },
        { prefix: 'a=', secretRef: { name: 's' } },
      ],
    }),
    ['envFrom[0] Invalid', 'envFrom[1] Invalid', 'envFrom[2].prefix Invalid'],
  ],
  [
    'with mounts of nothing and outside',
    {
      ...container({
        volumeMounts: [
          { name: 'v', mountPath: '' },
          { name: 'v', mountPath: '/a', subPath: '../x' },
          { name: '', mountPath: '/a' },
        ],
      }),
      volumes: [{ name: 'v' }],
    },
    [
      'volumeMounts[0].mountPath Required',
      'volumeMounts[1].subPath Invalid',
      'volumeMounts[2].name Required',
      'volumeMounts[2].mountPath Invalid',
    ],
  ],
  [
    'with a path both ways',
    {
      ...container({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: 'x', subPathExpr: '/y' }] }),
      volumes: [{ name: 'v' }],
    },
    ['volumeMounts[0].subPathExpr Invalid', 'volumeMounts[0].subPathExpr Invalid'],
  ],
  [
    'with incomplete volumes',
    {
      volumes: [
        { name: 'a', configMap: {} },
        { name: 'b', secret: { defaultMode: 4096 } },
        { name: 'c', hostPath: { path: '/..', type: 'x' } },
        { name: 'd', persistentVolumeClaim: { claimName: '' } },
        { name: 'E' },
      ],
    },
    [
      'spec.volumes[0].configMap.name Required',
      'spec.volumes[1].secret.secretName Required',
      'spec.volumes[1].secret.defaultMode Invalid',
      'spec.volumes[2].hostPath.path Invalid',
      'spec.volumes[2].hostPath.type NotSupported',
      'spec.volumes[3].persistentVolumeClaim.claimName Required',
      'spec.volumes[4].name Invalid',
    ],
  ],
  [
    'with incomplete projections',
    {
      serviceAccountName: 's',
      volumes: [
        {
          name: 'a',
          projected: {
            sources: [
              { configMap: {} },
              { secret: {} },
              { serviceAccountToken: { path: '', expirationSeconds: 5 } },
              { downwardAPI: { items: [{ path: '/x', fieldRef: { fieldPath: 'spec.nodeName' } }] } },
            ],
          },
        },
      ],
    },
    [
      'spec.volumes[0].projected.sources[0].configMap.name Required',
      'spec.volumes[0].projected.sources[1].secret.name Required',
      'spec.volumes[0].projected.sources[2].serviceAccountToken.expirationSeconds Invalid',
      'spec.volumes[0].projected.sources[2].serviceAccountToken.path Required',
      'spec.volumes[0].projected.sources[3].downwardAPI.items[0].path Invalid',
      'spec.volumes[0].projected.sources[3].downwardAPI.items[0].fieldRef.fieldPath Invalid',
    ],
  ],
  [
    'that tolerates nonsense',
    {
      tolerations: [
        { operator: 'Exists', value: 'x', effect: 'NoSchedule', tolerationSeconds: 1 },
        { key: 'a', operator: 'Near' },
      ],
    },
    [
      'spec.tolerations[0].effect Invalid',
      'spec.tolerations[0].operator Invalid',
      'spec.tolerations[1].operator NotSupported',
    ],
  ],
  [
    'with a probe of every kind',
    container({
      livenessProbe: { exec: {} },
      startupProbe: { grpc: { port: 0 } },
      readinessProbe: { httpGet: { port: 'http' } },
    }),
    ['livenessProbe.exec.command Required', 'startupProbe.grpc.port Invalid'],
  ],
];
for (const [what, spec, expected] of CREATES) {
  test(`a pod ${what}: ${expected.join(', ') || 'fine'}`, () => {
    assert.deepEqual(shown(strategy.validateCreate(made(spec))), expected);
  });
}

const BEFORE = {
  activeDeadlineSeconds: 10,
  tolerations: [{ key: 'a', operator: 'Exists' }],
  schedulingGates: [{ name: 'g' }],
};
const UPDATES: readonly [string, object, string[]][] = [
  ['image', { ...BEFORE, containers: [{ name: 'c', image: 'new', imagePullPolicy: 'Always' }] }, []],
  [
    'image to nothing',
    { ...BEFORE, containers: [{ name: 'c', image: '', imagePullPolicy: 'Always' }] },
    ['image Required', 'image Required'],
  ],
  ['deadline to earlier', { ...BEFORE, activeDeadlineSeconds: 5 }, []],
  ['deadline to later', { ...BEFORE, activeDeadlineSeconds: 15 }, ['spec.activeDeadlineSeconds Invalid']],
  [
    'deadline to none',
    { ...BEFORE, activeDeadlineSeconds: undefined },
    ['spec.activeDeadlineSeconds Invalid'],
  ],
  [
    'tolerations to more',
    { ...BEFORE, tolerations: [...BEFORE.tolerations, { key: 'b', operator: 'Exists' }] },
    [],
  ],
  ['tolerations to fewer', { ...BEFORE, tolerations: [] }, ['spec.tolerations Forbidden']],
  ['gates to none', { ...BEFORE, schedulingGates: [] }, []],
  ['gates to more', { ...BEFORE, schedulingGates: [{ name: 'h' }] }, ['spec.schedulingGates Forbidden']],
  ['hostname', { ...BEFORE, hostname: 'h' }, ['spec Forbidden']],
];
for (const [what, spec, expected] of UPDATES) {
  test(`a change of ${what}: ${expected.join(', ') || 'fine'}`, () => {
    assert.deepEqual(shown(strategy.validateUpdate(made(spec), made(BEFORE))), expected);
  });
}

test('a pod gets the defaults that kubectl shows', () => {
  const { spec, status } = made({
    ...container({
      image: 'r/i:1',
      resources: { limits: { cpu: '1', memory: '1Gi' } },
      ports: [{ containerPort: 80 }],
      livenessProbe: { httpGet: { port: 80 } },
    }),
    volumes: [{ name: 'e' }, { name: 's', secret: { secretName: 'x' } }],
    hostNetwork: true,
    serviceAccount: 'sa',
  });
  const [first] = spec?.containers ?? [];
  assert.equal(first?.imagePullPolicy, 'IfNotPresent');
  assert.deepEqual(first?.resources?.requests, { cpu: '1', memory: '1Gi' });
  assert.deepEqual(first?.ports, [{ hostPort: 80, containerPort: 80, protocol: 'TCP' }]);
  assert.deepEqual(first?.livenessProbe, {
    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(spec?.volumes, [
    { name: 'e', emptyDir: {} },
    { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
  ]);
  assert.equal(spec?.serviceAccountName, 'sa');
  assert.equal(status?.qosClass, 'Guaranteed');
});

test('pods are classed by what they ask for', () => {
  const classOf = (resources: object) => made(container({ resources })).status?.qosClass;
  assert.equal(classOf({}), 'BestEffort');
  assert.equal(classOf({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(
    classOf({ requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }),
    'Burstable',
  );
});

test("field selectors can ask for a pod's node and phase", () => {
  const fields = strategy.selectableFields(made({ nodeName: 'n1' }));
  assert.equal(fields['spec.nodeName'], 'n1');
  assert.equal(fields['status.phase'], 'Pending');
});

test('a pod whose ports repeat is warned of', () => {
  const pod = made(container({ ports: [{ containerPort: 80 }, { containerPort: 80 }] }));
  assert.equal(strategy.warnings(pod).length, 1);
});
