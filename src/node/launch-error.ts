/** Why a container is not running: reason and message of its waiting state. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  /** `ErrImagePull`, `CreateContainerConfigError`, … */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
