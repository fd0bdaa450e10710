import type { Container } from '#api/core/v1.gen.ts';
import { type Images, InvalidImageName, missingImageMessage, type RunnableImage } from './images.ts';
import { LaunchError } from './launch-error.ts';

/** The image of a container, or a LaunchError with the reason kubelet would give. */
export function chooseImage(container: Container, images: Images): RunnableImage {
  const name = container.image ?? '';
  try {
    const image = images.resolve(name);
    if (image !== undefined) return image;
  } catch (error) {
    if (error instanceof InvalidImageName) throw new LaunchError('InvalidImageName', error.message);
    throw new LaunchError('ImageInspectError', (error as Error).message, { cause: error });
  }
  if (container.imagePullPolicy === 'Never') {
    throw new LaunchError(
      'ErrImageNeverPull',
      `Container image "${name}" is not present with pull policy of Never`,
    );
  }
  throw new LaunchError('ErrImagePull', missingImageMessage(name));
}
