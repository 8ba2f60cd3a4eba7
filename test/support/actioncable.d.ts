/** The parts of the Rails client that tests use; the package has no types of its own. */
declare module "@rails/actioncable" {
  /** Callbacks and own methods of a subscription. */
  interface Mixin {
    connected?(details: { readonly reconnected: boolean }): void;
    disconnected?(details: { readonly willAttemptReconnect: boolean }): void;
    rejected?(): void;
    received?(message: unknown): void;
  }

  interface Subscription {
    readonly identifier: string;
    perform(action: string, data?: Record<string, unknown>): boolean;
    unsubscribe(): void;
  }

  interface Consumer {
    readonly subscriptions: {
      create(params: Record<string, unknown>, mixin: Mixin): Subscription;
    };
    connect(): boolean;
    disconnect(): void;
  }

  function createConsumer(url: string): Consumer;

  /** What the client takes from its surroundings. */
  const adapters: { WebSocket: unknown; logger: unknown };
}
