/** Something that lives: started once, stopped once, in reverse order of the starts. */
export interface Service {
  /** For log lines and error messages. */
  readonly name: string;
  /** Resolves when the service does its work; rejects with a ServerError when it cannot. */
  start(): Promise<void>;
  /**
   * Ends the work. May be called on a service whose start failed.
   * @param signal aborted when there is no time left: give up waiting, release, return
   */
  stop(signal: AbortSignal): Promise<void>;
}
