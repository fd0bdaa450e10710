/** IP addresses and networks: text, bytes, arithmetic. */
export { Cidr } from './cidr.ts';
export * from './ip-address.ts';
