/** An image name as Docker reads it. */
export interface ImageReference {
  /** `docker.io/library/nginx`. */
  repository: string;
  tag?: string;
  digest?: string;
}

/** Adds what may be left out: docker.io, library/, :latest. Undefined when the text is no image name. */
export function parseImageReference(text: string): ImageReference | undefined {
  const match = /^([^@]+?)(?::([\w][\w.-]{0,127}))?(?:@([a-z0-9]+:[0-9a-f]{32,}))?$/.exec(text);
  if (!match) return undefined;
  const [, name = '', tag, digest] = match;
  const first = name.split('/')[0] ?? '';
  const hasHost = name.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost ? name.slice(first.length + 1) : name;
  if (!/^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/.test(path))
    return undefined;
  if (hasHost && !/^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?$/.test(first)) return undefined;
  const host = hasHost ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  const repository =
    host === 'docker.io' && !path.includes('/') ? `docker.io/library/${path}` : `${host}/${path}`;
  return {
    repository,
    ...(tag !== undefined || digest === undefined ? { tag: tag ?? 'latest' } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** `repository:tag` and, or, `@digest`. */
export function formatImageReference({ repository, tag, digest }: ImageReference): string {
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}
