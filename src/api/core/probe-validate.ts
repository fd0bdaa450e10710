import type { Container, Lifecycle, Probe } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { httpHeaderName } from '#api/machinery/names.ts';
import { validateNonNegative } from '#api/machinery/validate-meta.ts';
import { validatePortOrName } from './service-validate-ports.ts';

const SCHEMES = ['HTTP', 'HTTPS'];
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
type Handlers = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & {
  sleep?: { seconds: number } | undefined;
};

/** Findings about a container's three probes. */
export function validateProbes(container: Container, path: string): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const errors: FieldError[] = [];
  for (const [name, probe] of Object.entries({ livenessProbe, startupProbe })) {
    if (!probe) continue;
    errors.push(...validateProbe(probe, `${path}.${name}`));
    if ((probe.successThreshold ?? 1) !== 1) {
      errors.push(invalid(`${path}.${name}.successThreshold`, probe.successThreshold, 'must be 1'));
    }
  }
  if (!readinessProbe) return errors;
  errors.push(...validateProbe(readinessProbe, `${path}.readinessProbe`));
  const grace = readinessProbe.terminationGracePeriodSeconds;
  if (typeof grace === 'number') {
    const at = `${path}.readinessProbe.terminationGracePeriodSeconds`;
    errors.push(invalid(at, grace, 'must not be set for readinessProbes'));
  }
  return errors;
}

function validateProbe(probe: Probe, path: string): FieldError[] {
  const numbers = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const;
  const grace = probe.terminationGracePeriodSeconds;
  const at = `${path}.terminationGracePeriodSeconds`;
  return [
    ...validateHandler(probe, path),
    ...numbers.flatMap((name) => validateNonNegative(probe[name], `${path}.${name}`)),
    ...(typeof grace === 'number' && grace <= 0 ? [invalid(at, grace, 'must be greater than 0')] : []),
  ];
}

/** Findings about what runs when a container has started or is about to stop. */
export function validateLifecycle(lifecycle: Lifecycle | undefined, path: string): FieldError[] {
  const { postStart, preStop } = lifecycle ?? {};
  return [
    ...(postStart ? validateHandler(postStart, `${path}.postStart`) : []),
    ...(preStop ? validateHandler(preStop, `${path}.preStop`) : []),
  ];
}

/** Exactly one way to ask or tell the container. */
function validateHandler(handler: Handlers, path: string): FieldError[] {
  const [first, ...others] = HANDLERS.filter((name) => handler[name] !== undefined && handler[name] !== null);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  const more = others.map((name) => forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'));
  return [...validateAction(handler, first, `${path}.${first}`), ...more];
}

function validateAction(handler: Handlers, name: (typeof HANDLERS)[number], path: string): FieldError[] {
  if (name === 'exec') return (handler.exec?.command ?? []).length === 0 ? [required(`${path}.command`)] : [];
  if (name === 'tcpSocket') return validatePortOrName(handler.tcpSocket?.port ?? 0, `${path}.port`);
  if (name === 'grpc') return validatePortOrName(handler.grpc?.port ?? 0, `${path}.port`);
  if (name !== 'httpGet') return [];
  const { path: urlPath = '', port = 0, scheme = '', httpHeaders } = handler.httpGet ?? {};
  const errors = urlPath === '' ? [required(`${path}.path`)] : [];
  errors.push(...validatePortOrName(port, `${path}.port`));
  if (!SCHEMES.includes(scheme)) errors.push(notSupported(`${path}.scheme`, scheme, SCHEMES));
  for (const header of httpHeaders ?? []) {
    errors.push(
      ...httpHeaderName(header.name).map((text) => invalid(`${path}.httpHeaders`, header.name, text)),
    );
  }
  return errors;
}
