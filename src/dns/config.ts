/** A listening address; port 0 takes any free one. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}
