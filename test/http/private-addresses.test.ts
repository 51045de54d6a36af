import { describe, expect, it } from 'vitest';
import { addressIn, isPrivateAddress } from '../../lib/http/private-addresses.js';

describe('an address', () => {
  it.each([
    ...[
      '0.0.0.0',
      '0.1.2.3',
      '10.0.0.1',
      '100.64.0.1',
      '100.100.100.200',
      '127.0.0.1',
      '127.9.9.9',
    ],
    ...['169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.168.1.1'],
    ...['198.18.0.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16'],
    ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1', 'fec0::1'],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:a9fe:a9fe',
      '::127.0.0.1',
      '::ffff:0:10.0.0.1',
    ],
    ...['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::808:808'],
    ...['2001::1', '2001:db8::1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '3fff::1', '4000::1'],
    ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3.4.5', 'fe80::1%2001::1'],
  ])('is private: %s', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each([
    ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
    ...['126.255.255.255', '128.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255'],
    ...['223.255.255.255', '168.63.129.15', '2606:4700::1111', '2a00:1450:4001:80b::200e'],
    ...['::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '64:ff9b::808:808', '2001:200::1', '2003::1'],
  ])('is public: %s', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});

describe('the host of a URL', () => {
  it.each([
    { host: '2130706433', address: '127.0.0.1' },
    { host: '0x7f.1', address: '127.0.0.1' },
    { host: '0177.0.0.1', address: '127.0.0.1' },
    { host: '0', address: '0.0.0.0' },
    { host: '127.1', address: '127.0.0.1' },
    { host: '①②⑦.⓪.⓪.①', address: '127.0.0.1' },
    { host: '[::ffff:127.0.0.1]', address: '::ffff:7f00:1' },
    { host: '[0:0:0:0:0:0:0:1]', address: '::1' },
  ])('is the address $address, however it is written: $host', ({ host, address }) => {
    expect(addressIn(new URL(`https://${host}/`).hostname)).toBe(address);
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each(['example.com', 'localhost', '127.0.0.1.example.com', '1.2.3.4.5.example'])(
    'has to be looked up: %s',
    (host) => {
      expect(addressIn(new URL(`https://${host}/`).hostname)).toBeUndefined();
    },
  );
});
