import { vi } from 'vitest';

/** process.stdout or process.stderr, written to `take` instead, until mocks are restored. */
export function capture(stream: NodeJS.WriteStream, take: (text: string) => void): void {
  vi.spyOn(stream, 'write').mockImplementation((text, ...rest) => {
    take(String(text));
    for (const callback of rest) if (typeof callback === 'function') callback();
    return true;
  });
}
