import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateHostProcess, validatePodOs } from './pod-os-validate.ts';
import type { Container, PodSpec } from './v1.gen.ts';

const texts = (errors: readonly { field: string; body: string }[]): string[] =>
  errors.map(({ field, body }) => `${field}: ${body}`);
const windowsOptions = { runAsUserName: 'ContainerUser' };

test('validatePodOs() accepts a system’s own fields, and all of them where none is named', () => {
  const linux: PodSpec = {
    containers: [{ name: 'c', securityContext: { privileged: true } }],
    hostPID: true,
  };
  const windows: PodSpec = {
    containers: [{ name: 'c', securityContext: { windowsOptions } }],
    hostPID: false,
  };
  assert.deepEqual(validatePodOs({ ...linux, os: { name: 'linux' } }, 'spec'), []);
  assert.deepEqual(validatePodOs({ ...windows, os: { name: 'windows' } }, 'spec'), []);
  assert.deepEqual(validatePodOs({ ...linux, securityContext: { windowsOptions } }, 'spec'), []);
});

test('validatePodOs() wants a name that it knows', () => {
  const named = (name: string) => texts(validatePodOs({ containers: [], os: { name } }, 'spec'));
  assert.deepEqual(named(''), ['spec.os.name: Required value']);
  assert.deepEqual(named('dos'), ['spec.os: Unsupported value: "dos": supported values: "linux", "windows"']);
});

test('validatePodOs() refuses Windows options in a Linux pod', () => {
  const securityContext = { windowsOptions };
  const spec = { containers: [{ name: 'c', securityContext }], securityContext, os: { name: 'linux' } };
  const text = 'Forbidden: windows options cannot be set for a linux pod';
  assert.deepEqual(texts(validatePodOs(spec, 'spec')), [
    `spec.securityContext.windowsOptions: ${text}`,
    `spec.containers[0].securityContext.windowsOptions: ${text}`,
  ]);
});

test('validatePodOs() refuses what Windows does not have', () => {
  const spec: PodSpec = {
    os: { name: 'windows' },
    securityContext: { fsGroup: 1, sysctls: [], runAsUser: 0, seccompProfile: { type: 'Unconfined' } },
    hostIPC: true,
    shareProcessNamespace: false,
    initContainers: [{ name: 'i', securityContext: { capabilities: {} } }],
    containers: [{ name: 'c', securityContext: { privileged: false, windowsOptions } }],
  };
  assert.deepEqual(
    validatePodOs(spec, 'spec').map(({ field, body }) => {
      assert.equal(body, 'Forbidden: cannot be set for a windows pod');
      return field;
    }),
    [
      'spec.securityContext.seccompProfile',
      'spec.securityContext.fsGroup',
      'spec.securityContext.runAsUser',
      'spec.hostIPC',
      'spec.shareProcessNamespace',
      'spec.initContainers[0].securityContext.capabilities',
      'spec.containers[0].securityContext.privileged',
    ],
  );
});

test('validateHostProcess() wants all containers or none, on the node’s network', () => {
  const container = (hostProcess?: boolean): Container => ({
    name: 'c',
    ...(hostProcess === undefined ? {} : { securityContext: { windowsOptions: { hostProcess } } }),
  });
  const spec = (pod: boolean | undefined, ...own: (boolean | undefined)[]): PodSpec => ({
    containers: own.map(container),
    hostNetwork: true,
    ...(pod === undefined ? {} : { securityContext: { windowsOptions: { hostProcess: pod } } }),
  });
  const yes = true;
  const no = false;
  const accepted = [
    spec(yes, undefined, undefined),
    spec(yes, yes, yes),
    spec(undefined, yes, yes),
    spec(yes, yes, undefined),
    spec(undefined, no, undefined),
    { ...spec(undefined, no), hostNetwork: false },
    { ...spec(yes, yes), ephemeralContainers: [container()] },
  ];
  for (const each of accepted) assert.deepEqual(validateHostProcess(each, 'spec'), []);
  const some =
    'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers';
  const differs = (at: string, own: boolean): string =>
    `spec.${at}.securityContext.windowsOptions.hostProcess: Invalid value: ${own}: pod hostProcess value must be identical if both are specified, was ${!own}`;
  const refused: [PodSpec, string[]][] = [
    [
      { ...spec(yes, undefined), hostNetwork: false },
      [
        'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
      ],
    ],
    [spec(undefined, yes, no), [some]],
    [spec(undefined, yes, undefined), [some]],
    [{ ...spec(yes, yes), initContainers: [container(no)] }, [differs('initContainers[0]', no), some]],
    [spec(no, yes, undefined), [differs('containers[0]', yes), some]],
    [spec(yes, no), [differs('containers[0]', no)]],
    [
      { ...spec(yes, yes), ephemeralContainers: [container(no)] },
      [differs('ephemeralContainers[0]', no), some],
    ],
  ];
  for (const [each, expected] of refused)
    assert.deepEqual(texts(validateHostProcess(each, 'spec')), expected);
});
