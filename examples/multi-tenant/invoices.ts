import { randomUUID } from 'node:crypto';

export interface Invoice {
  readonly id: string;
  readonly customer: string;
  /** In cents. */
  readonly amount: number;
  readonly approvedBy: string | null;
}

export type NewInvoice = Pick<Invoice, 'customer' | 'amount'>;

/** A table of invoices. Every operation takes the organisation first, so that none can forget it. */
export interface Invoices {
  list(org: string): readonly Invoice[];
  find(org: string, id: string): Invoice | undefined;
  add(org: string, invoice: NewInvoice): Invoice;
  /** Undefined when the organisation has no such invoice. */
  approve(org: string, id: string, userId: string): Invoice | undefined;
}

export function createInvoices(): Invoices {
  const tables = new Map<string, Map<string, Invoice>>();

  function put(org: string, invoice: Invoice): Invoice {
    const table = tables.get(org) ?? new Map<string, Invoice>();
    tables.set(org, table.set(invoice.id, invoice));
    return invoice;
  }

  return {
    list: (org) => [...(tables.get(org)?.values() ?? [])],
    find: (org, id) => tables.get(org)?.get(id),
    add: (org, { customer, amount }) =>
      put(org, { id: randomUUID(), customer, amount, approvedBy: null }),
    approve(org, id, userId) {
      const invoice = tables.get(org)?.get(id);
      return invoice && put(org, { ...invoice, approvedBy: userId });
    },
  };
}
