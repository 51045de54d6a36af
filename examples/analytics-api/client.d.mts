export interface AnalyticsClient {
  refreshes: number;
  signIn(username: string, password: string): Promise<void>;
  get(path: string): Promise<unknown>;
  signOut(): Promise<void>;
}
export function createAnalyticsClient(baseUrl: string): AnalyticsClient;
