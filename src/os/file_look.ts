/** How files look: equal texts mean that none of them has been changed or exchanged. */

/**
 * Links are followed: certbot and Kubernetes exchange links, and leave the directory that one would
 * watch alone.
 */
export function lookAt(paths: readonly string[]): string {
  return paths.map((path) => {
    try {
      const { ino, size, mtime } = Deno.statSync(path);
      return `${ino} ${size} ${mtime?.getTime()}`;
    } catch {
      // Gone for a moment, while it is being exchanged.
      return "";
    }
  }).join("\n");
}
