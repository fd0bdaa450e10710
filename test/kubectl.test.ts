// A real kubectl against a whole cluster: exit codes and results of the commands people type every day.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type RunResult, run, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { findKubectl } from '#test/support/kubectl.ts';

const kubectlPath = findKubectl();
const skip = 'skip' in kubectlPath ? kubectlPath.skip : false;
const program = 'path' in kubectlPath ? kubectlPath.path : '';

const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: echo
        image: portolan/echo
        ports: [{ name: http, containerPort: 8080 }]
        readinessProbe: { httpGet: { path: /, port: http } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
`;

describe('kubectl', { skip, concurrency: false }, () => {
  let cluster: TestCluster;
  let folder: string;

  before(() => {
    cluster = startCluster('--nodes', '2');
    folder = mkdtempSync(join(tmpdir(), 'portolan-kubectl-'));
    writeFileSync(join(folder, 'web.yaml'), WEB);
  });
  after(() => {
    cluster?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const env = (): NodeJS.ProcessEnv => ({ KUBECONFIG: cluster.kubeconfig, HOME: folder });
  const kubectl = (...args: string[]): RunResult => run(program, args, { env: env() });
  /** Runs kubectl, expects success, returns what it printed. */
  const ok = (...args: string[]): string => {
    const { status, stdout, stderr } = kubectl(...args);
    assert.equal(status, 0, `kubectl ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };

  it('version, cluster-info and api-resources know the server', () => {
    assert.match(ok('version'), /Server Version: v1\.37\.1/);
    assert.match(ok('cluster-info'), /control plane.*is running at.*https:\/\/127\.0\.0\.1/);
    assert.match(ok('api-resources'), /services\s+svc\s+v1\s+true\s+Service/);
  });

  it('apply creates, is repeatable, and rollout status and wait see the end', () => {
    assert.match(ok('apply', '-f', join(folder, 'web.yaml')), /deployment\.apps\/web created/);
    assert.match(ok('apply', '-f', join(folder, 'web.yaml')), /service\/web unchanged/);
    assert.match(ok('rollout', 'status', 'deployment/web', '--timeout=30s'), /successfully rolled out/);
    assert.match(ok('wait', '--for=condition=Available', 'deployment/web', '--timeout=30s'), /condition met/);
  });

  it('get prints tables, yaml, jsonpath and wide', () => {
    assert.match(
      ok('get', 'deployment', 'web'),
      /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+2\/2\s+2\s+2/,
    );
    assert.match(ok('get', 'pods', '-o', 'wide'), /NODE\s+NOMINATED NODE\s+READINESS GATES/);
    assert.match(ok('get', 'service', 'web', '-o', 'yaml'), /targetPort: http/);
    assert.match(ok('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}'), /^10\.96\./);
    assert.match(ok('get', 'all'), /replicaset\.apps\/web-/);
  });

  it('get -w streams changes', async () => {
    const watch = spawn(program, ['get', 'configmap', '-w', '-o', 'name'], {
      env: { ...process.env, ...env() },
    });
    let seen = '';
    const appeared = new Promise<void>((resolve) => {
      watch.stdout.on('data', (chunk: Buffer) => {
        seen += chunk.toString();
        if (seen.includes('kube-root-ca.crt') && !seen.includes('watched'))
          ok('create', 'configmap', 'watched', '--from-literal=a=b');
        if (seen.includes('configmap/watched')) resolve();
      });
    });
    await appeared;
    watch.kill();
  });

  it('create speaks protobuf for deployment, service, configmap and namespace', () => {
    assert.match(ok('create', 'deployment', 'made', '--image=portolan/pause'), /created/);
    assert.match(ok('create', 'service', 'clusterip', 'made', '--tcp=80:8080'), /created/);
    assert.match(ok('create', 'configmap', 'made', '--from-literal=key=value'), /created/);
    assert.match(ok('create', 'namespace', 'made'), /created/);
    assert.equal(ok('get', 'configmap', 'made', '-o', 'jsonpath={.data.key}'), 'value');
    assert.match(ok('create', '-f', join(folder, 'web.yaml'), '-n', 'made'), /deployment\.apps\/web created/);
    assert.equal(kubectl('create', 'namespace', 'made').status, 1);
  });

  it('describe, label, annotate, patch and scale', () => {
    assert.match(ok('describe', 'service', 'web'), /Endpoints:\s+10\.244\./);
    const [pod = ''] = ok('get', 'pods', '-l', 'app=web', '-o', 'name').split('\n');
    // Events are written a moment after what they tell of.
    ok(
      'wait',
      '--for=create',
      'event',
      `--field-selector=involvedObject.name=${pod.slice('pod/'.length)},reason=Started`,
    );
    assert.match(ok('describe', pod), /Started\s.*Container started/);
    ok('label', 'service', 'web', 'tier=front');
    ok('annotate', 'service', 'web', 'note=here');
    assert.match(ok('get', 'service', '-l', 'tier=front', '-o', 'name'), /service\/web/);
    ok('patch', 'service', 'web', '--type=merge', '-p', '{"spec":{"sessionAffinity":"ClientIP"}}');
    ok(
      'patch',
      'service',
      'web',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/sessionAffinity","value":"None"}]',
    );
    ok('patch', 'deployment', 'web', '-p', '{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}');
    ok('scale', 'deployment', 'web', '--replicas=3');
    ok('rollout', 'status', 'deployment/web', '--timeout=30s');
    assert.equal(ok('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'), '3');
  });

  it('edit changes an object through an editor', () => {
    const { status, stderr } = run(program, ['edit', 'service', 'web'], {
      env: { ...env(), KUBE_EDITOR: 'sed -i s/note:.here/note:\\ there/' },
    });
    assert.equal(status, 0, stderr);
    assert.equal(ok('get', 'service', 'web', '-o', 'jsonpath={.metadata.annotations.note}'), 'there');
  });

  it('run, logs, exec and cp of environment reach a container', () => {
    ok(
      'run',
      'tool',
      '--image=portolan/host',
      '--restart=Never',
      '--command',
      '--',
      'sh',
      '-c',
      'echo started; sleep 600',
    );
    ok('wait', '--for=condition=Ready', 'pod/tool', '--timeout=30s');
    assert.equal(ok('logs', 'tool'), 'started\n');
    assert.equal(ok('exec', 'tool', '--', 'echo', 'hello'), 'hello\n');
    assert.equal(kubectl('exec', 'tool', '--', 'sh', '-c', 'exit 7').status, 7);
    const { stdout } = run(program, ['exec', '-i', 'tool', '--', 'cat'], {
      env: env(),
      input: 'through stdin',
    });
    assert.equal(stdout, 'through stdin');
  });

  it('exec -it has a terminal', {
    skip: run('sh', ['-c', 'command -v script']).status !== 0 && 'no script(1)',
  }, () => {
    const command = `${program} exec -it tool -- sh -c 'test -t 0 && echo is-a-terminal'`;
    const { stdout } = run('script', ['-qec', command, '/dev/null'], { env: env() });
    assert.match(stdout, /is-a-terminal/);
  });

  it('logs -f follows', async () => {
    ok(
      'run',
      'ticker',
      '--image=portolan/host',
      '--command',
      '--',
      'sh',
      '-c',
      'while :; do echo tick; sleep 0.2; done',
    );
    ok('wait', '--for=condition=Ready', 'pod/ticker', '--timeout=30s');
    const logs = spawn(program, ['logs', '-f', 'ticker'], { env: { ...process.env, ...env() } });
    let ticks = 0;
    await new Promise<void>((resolve) => {
      logs.stdout.on('data', (chunk: Buffer) => {
        ticks += chunk.toString().split('tick').length - 1;
        if (ticks >= 5) resolve();
      });
    });
    logs.kill();
  });

  it('port-forward carries a connection', async () => {
    const forward = spawn(program, ['port-forward', 'service/web', ':80'], {
      env: { ...process.env, ...env() },
    });
    const port = await new Promise<number>((resolve, reject) => {
      let text = '';
      forward.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const match = /127\.0\.0\.1:(\d+)/.exec(text);
        if (match) resolve(Number(match[1]));
      });
      forward.on('exit', () => reject(new Error(`port-forward ended: ${text}`)));
    });
    for (let i = 0; i < 3; i += 1) {
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        socket.on('end', () => resolve(text));
        socket.on('error', reject);
      });
      assert.match(answer, /^HTTP\/1\.[01] 200/);
    }
    forward.removeAllListeners('exit');
    forward.kill();
  });

  it('expose, explain, auth can-i', () => {
    assert.match(
      ok('expose', 'deployment', 'made', '--port=80', '--name=exposed'),
      /service\/exposed exposed/,
    );
    assert.match(ok('explain', 'service.spec.clusterIP'), /FIELD: clusterIP <string>/);
    assert.equal(ok('auth', 'can-i', 'create', 'pods'), 'yes\n');
    assert.equal(kubectl('auth', 'can-i', 'create', 'pods', '--as=nobody').stdout, 'no\n');
  });

  it('apply --dry-run=server changes nothing; diff shows what would', () => {
    writeFileSync(join(folder, 'changed.yaml'), WEB.replace('port: 80', 'port: 81'));
    ok('apply', '--dry-run=server', '-f', join(folder, 'changed.yaml'));
    assert.equal(ok('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].port}'), '80');
    const diff = kubectl('diff', '-f', join(folder, 'changed.yaml'));
    assert.equal(diff.status, 1);
    assert.match(diff.stdout, /\+\s*- ?port: 81|\+\s+port: 81/);
  });

  it('refuses what is wrong, with the field', () => {
    writeFileSync(join(folder, 'bad.yaml'), WEB.replace('replicas: 2', 'replicaz: 2'));
    const { status, stderr } = kubectl('apply', '-f', join(folder, 'bad.yaml'), '-n', 'made');
    assert.equal(status, 1);
    assert.match(stderr, /unknown field "spec\.replicaz"/);
  });

  it('delete removes objects, and a namespace with all it holds', () => {
    ok('delete', '-f', join(folder, 'web.yaml'));
    ok('delete', 'pod', 'tool', 'ticker', '--grace-period=1');
    ok('delete', 'namespace', 'made', '--timeout=30s');
    assert.equal(kubectl('get', 'namespace', 'made').status, 1);
    assert.equal(kubectl('get', 'service', 'web').status, 1);
  });
});
