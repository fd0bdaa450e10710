/** Resources that upstream has retired and still serves: every request for one is told so. */
const DEPRECATED: Readonly<Record<string, string>> = {
  endpoints: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  componentstatuses: 'v1 ComponentStatus is deprecated in v1.19+',
};

export function deprecation(resource: string): string | undefined {
  return DEPRECATED[resource];
}
