/** What a command knows of the process that it runs in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input. */
  readonly read: () => AsyncIterable<unknown>;
  /** Writes on standard output. */
  readonly print: (text: string) => void;
  /** Writes on standard error. */
  readonly complain: (text: string) => void;
  /** Which outputs a person looks at. @defaultValue none: a file, a pipe, a test */
  readonly isTty?: { readonly stdout: boolean; readonly stderr: boolean };
  /** Width of standard output. Undefined where it is no terminal: lines are as long as they are. */
  readonly columns?: number | undefined;
  /** Has the process end with the command, whatever an application that it has loaded has open. */
  readonly endWithCommand?: () => void;
}
