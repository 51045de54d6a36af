import { expect, it } from 'vitest';
import { clientAddress, subscriberOf } from '../../lib/http/client-address.js';

const CONNECTION = { remoteAddress: '::ffff:192.0.2.1' };

it.each([
  { ip: '203.0.113.7', address: '203.0.113.7' },
  { ip: '203.0.113.7:51000', address: '203.0.113.7' },
  { ip: '203.0.113.7:_proxy-1', address: '203.0.113.7' },
  { ip: '::ffff:203.0.113.7', address: '203.0.113.7' },
  { ip: '::FFFF:CB00:7107', address: '203.0.113.7' },
  { ip: '::ffff:203.0.113.7:51000', address: '203.0.113.7' },
  { ip: '2001:DB8:0:0:0:0:0:7', address: '2001:db8::7' },
  { ip: '[2001:db8::7]', address: '2001:db8::7' },
  { ip: '[2001:db8::7]:443', address: '2001:db8::7' },
  { ip: '"[2001:db8::7]:443"', address: '2001:db8::7' },
  { ip: 'fe80::1%eth0', address: 'fe80::1' },
  { ip: '2001:db8::7:443', address: '2001:db8::7:443' },
])('$ip is the address $address', ({ ip, address }) => {
  expect(clientAddress({ ip, socket: CONNECTION })).toBe(address);
});

it.each(['', 'unknown', '_hidden', '203.0.113.777', '203.0.113.7:', '[::1', '[x]:1', '1', '\0'])(
  '%j is no address, and counts as that of the connection',
  (ip) => {
    expect(clientAddress({ ip, socket: CONNECTION })).toBe('192.0.2.1');
  },
);

it('a request that Express has not seen, or whose connection is gone, has none', () => {
  expect(clientAddress({ socket: CONNECTION })).toBeUndefined();
  expect(clientAddress({ ip: 'unknown', socket: {} })).toBeUndefined();
});

it.each([
  { title: 'IPv4', one: '203.0.113.7', other: '203.0.113.8', isSame: false },
  { title: 'IPv6 of one /64', one: '2001:db8:1:2::7', other: '2001:db8:1:2:a:b:c:d', isSame: true },
  { title: 'IPv6 of two /64', one: '2001:db8:1:2::7', other: '2001:db8:1:3::7', isSame: false },
  { title: 'zeros in front', one: '::7', other: '::a:0:0:7', isSame: true },
  { title: 'zeros behind', one: '2001:db8::', other: '2001:db8::7:0:0:1', isSame: true },
  { title: 'zeros across the middle', one: '2001:db8::1', other: '2001:db8:0:1::1', isSame: false },
])('$title: $one and $other are one subscriber: $isSame', ({ one, other, isSame }) => {
  expect(subscriberOf(one) === subscriberOf(other)).toBe(isSame);
});
