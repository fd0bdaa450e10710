/** Decides by Roles, ClusterRoles and their bindings, from the API server's own view of them. */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '#api/rbac/v1.gen.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { effectiveRules, RBAC_GROUP, ruleAllows, subjectKey, userKeys } from './plan-rbac.ts';
import type { Authorizer, Decision, RequestAttributes, User } from './types.ts';

const ROLES = `roles.${RBAC_GROUP}`;
const CLUSTER_ROLES = `clusterroles.${RBAC_GROUP}`;
const ROLE_BINDINGS = `rolebindings.${RBAC_GROUP}`;
const CLUSTER_ROLE_BINDINGS = `clusterrolebindings.${RBAC_GROUP}`;

/** Members may do everything, whatever the roles say: the way back in when somebody broke them. */
const SUPERUSERS = 'system:masters';

type Binding = RoleBinding | ClusterRoleBinding;

/** One rule that is in force for a user, and where it comes from; or the role that could not be found. */
export type Grant =
  | { kind: 'rule'; rule: PolicyRule; binding: Binding; subject: Subject }
  | { kind: 'broken'; reason: string };

/** Which rules hold for a user in a namespace; what the authorizer and the reviews of rules ask. */
export interface RuleResolver {
  /** With an empty namespace: those at the cluster scope only. */
  grantsFor(user: User, namespace: string): Iterable<Grant>;
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

export class RbacAuthorizer implements Authorizer, RuleResolver, Disposable {
  readonly #objects: ObjectReader;
  readonly #clusterBindings = new BindingIndex();
  readonly #namespaceBindings = new Map<string, BindingIndex>();
  readonly #aggregated = new Map<string, readonly PolicyRule[]>();
  readonly #subscriptions = new DisposableStack();

  constructor(objects: ObjectReader) {
    this.#objects = objects;
    this.#follow(CLUSTER_ROLE_BINDINGS, () => this.#clusterBindings);
    this.#follow(ROLE_BINDINGS, (namespace) => this.#bindingsIn(namespace));
    this.#subscriptions.use(objects.onChange(CLUSTER_ROLES, () => this.#aggregated.clear()));
  }

  authorize(attributes: RequestAttributes): Decision {
    if (attributes.user.groups.includes(SUPERUSERS)) {
      return { allowed: true, reason: '' };
    }
    const namespace = attributes.kind === 'resource' ? attributes.namespace : '';
    const broken: string[] = [];
    for (const grant of this.grantsFor(attributes.user, namespace)) {
      if (grant.kind === 'broken') {
        broken.push(grant.reason);
      } else if (ruleAllows(grant.rule, attributes)) {
        return { allowed: true, reason: explain(grant.binding, grant.subject) };
      }
    }
    return { allowed: false, reason: broken.length === 0 ? '' : `RBAC: ${[...new Set(broken)].join(', ')}` };
  }

  *grantsFor(user: User, namespace: string): Generator<Grant> {
    const keys = userKeys(user);
    yield* this.#grants(this.#clusterBindings, keys);
    const local = namespace === '' ? undefined : this.#namespaceBindings.get(namespace);
    if (local) {
      yield* this.#grants(local, keys);
    }
  }

  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind === 'Role') {
      const role = this.#objects.get<Role>(ROLES, namespace, roleRef.name);
      return role && (role.rules ?? []);
    }
    const role = this.#objects.get<ClusterRole>(CLUSTER_ROLES, undefined, roleRef.name);
    return role && this.#clusterRules(role);
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }

  *#grants(index: BindingIndex, keys: readonly string[]): Generator<Grant> {
    for (const { binding, subject } of index.lookUp(keys)) {
      const { roleRef } = binding;
      const rules = this.rulesOf(roleRef, binding.metadata?.namespace ?? '');
      if (!rules) {
        yield {
          kind: 'broken',
          reason: `${roleRef.kind.toLowerCase()}.${RBAC_GROUP} "${roleRef.name}" not found`,
        };
        continue;
      }
      for (const rule of rules) {
        yield { kind: 'rule', rule, binding, subject };
      }
    }
  }

  #clusterRules(role: ClusterRole): readonly PolicyRule[] {
    if (!role.aggregationRule) {
      return role.rules ?? [];
    }
    const name = role.metadata?.name ?? '';
    let rules = this.#aggregated.get(name);
    if (!rules) {
      rules = effectiveRules(role, this.#objects.list<ClusterRole>(CLUSTER_ROLES));
      this.#aggregated.set(name, rules);
    }
    return rules;
  }

  #bindingsIn(namespace: string): BindingIndex {
    let index = this.#namespaceBindings.get(namespace);
    if (!index) {
      index = new BindingIndex();
      this.#namespaceBindings.set(namespace, index);
    }
    return index;
  }

  #follow(resource: string, indexOf: (namespace: string) => BindingIndex): void {
    const indexFor = (binding: Binding) => indexOf(binding.metadata?.namespace ?? '');
    this.#subscriptions.use(
      this.#objects.onChange<Binding>(resource, ({ type, object }) => {
        const index = indexFor(object);
        index.remove(object);
        if (type !== 'DELETED') {
          index.add(object);
        }
      }),
    );
    for (const binding of this.#objects.list<Binding>(resource)) {
      indexFor(binding).add(binding);
    }
  }
}

interface BoundSubject {
  binding: Binding;
  subject: Subject;
}

/** The bindings of one namespace (or of the cluster scope) by their subjects. */
class BindingIndex {
  /** Subject key, then binding name. */
  readonly #bySubject = new Map<string, Map<string, BoundSubject>>();
  readonly #keysOfBinding = new Map<string, string[]>();

  add(binding: Binding): void {
    const name = binding.metadata?.name ?? '';
    const keys: string[] = [];
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, binding.metadata?.namespace ?? '');
      const bound = this.#bySubject.get(key) ?? new Map<string, BoundSubject>();
      bound.set(name, { binding, subject });
      this.#bySubject.set(key, bound);
      keys.push(key);
    }
    this.#keysOfBinding.set(name, keys);
  }

  remove(binding: Binding): void {
    const name = binding.metadata?.name ?? '';
    for (const key of this.#keysOfBinding.get(name) ?? []) {
      const bound = this.#bySubject.get(key);
      bound?.delete(name);
      if (bound?.size === 0) {
        this.#bySubject.delete(key);
      }
    }
    this.#keysOfBinding.delete(name);
  }

  *lookUp(keys: readonly string[]): Generator<BoundSubject> {
    for (const key of keys) {
      yield* this.#bySubject.get(key)?.values() ?? [];
    }
  }
}

function explain(binding: Binding, subject: Subject): string {
  const { name = '', namespace } = binding.metadata ?? {};
  const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
  const bindingName = namespace === undefined ? name : `${name}/${namespace}`;
  const who =
    subject.kind === 'ServiceAccount'
      ? `ServiceAccount "${subject.name}/${subject.namespace ?? namespace ?? ''}"`
      : `${subject.kind} "${subject.name}"`;
  return `RBAC: allowed by ${kind} "${bindingName}" of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${who}`;
}
