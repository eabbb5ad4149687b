/**
 * From the first separator of an absolute path to its last: a name in it may hold spaces, but no ": ", "; " or ", ". Where
 * a text goes on with another slash it swallows what is between, rather than to tell a folder.
 */
const FOLDERS = /(?<=^|[\s"'(=@])(?:~[^\\/\s]*|[A-Za-z]:)?[\\/](?:(?:(?![:;,] )[^\\/\n"'])*[\\/])*/g;

/** "waiting for /home/me/agents.db: no such file" as "waiting for agents.db: no such file": what folders are called is private. */
export function withoutFolders(text: string): string {
  return text.replace(FOLDERS, '');
}
