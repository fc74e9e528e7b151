-- The sandbox's memory. Amounts are JSON texts, so that a fault may make one a string or 6500.0; times are seconds since 1970.

CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS link (
  link_id TEXT PRIMARY KEY,
  tx_ref TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  redirect_url TEXT NOT NULL,
  methods TEXT NOT NULL,
  customer TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  meta TEXT NOT NULL,
  flags TEXT NOT NULL,
  max_attempts INTEGER,
  opened_at REAL NOT NULL,
  ends_at REAL NOT NULL,
  over INTEGER NOT NULL DEFAULT 0,
  seen INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'cancelled', 'failed', 'disabled'))
);
CREATE INDEX IF NOT EXISTS link_by_tx_ref ON link (tx_ref);
CREATE INDEX IF NOT EXISTS link_by_end ON link (ends_at) WHERE over = 0;

CREATE TABLE IF NOT EXISTS charge (
  charge_id INTEGER PRIMARY KEY AUTOINCREMENT,
  link_id TEXT REFERENCES link,
  tx_ref TEXT NOT NULL,
  flw_ref TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'successful', 'failed')),
  method TEXT NOT NULL,
  payment_type TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  charged_amount TEXT NOT NULL,
  app_fee TEXT NOT NULL DEFAULT 'null',
  merchant_fee TEXT NOT NULL DEFAULT '0',
  amount_settled TEXT NOT NULL DEFAULT 'null',
  processor_response TEXT,
  narration TEXT NOT NULL,
  customer TEXT NOT NULL,
  card TEXT NOT NULL DEFAULT 'null',
  meta TEXT NOT NULL,
  created_at REAL NOT NULL,
  visible_at REAL NOT NULL,
  finished_at REAL,
  due_at REAL,
  due_outcome TEXT,
  due_response TEXT,
  settlement_id INTEGER
);
CREATE INDEX IF NOT EXISTS charge_by_tx_ref ON charge (tx_ref);
CREATE INDEX IF NOT EXISTS charge_by_day ON charge (created_at);
CREATE INDEX IF NOT EXISTS charge_by_link ON charge (link_id);
CREATE INDEX IF NOT EXISTS charge_by_due ON charge (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS refund (
  refund_id INTEGER PRIMARY KEY AUTOINCREMENT,
  charge_id INTEGER NOT NULL REFERENCES charge,
  tx_ref TEXT NOT NULL,
  flw_ref TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  meta TEXT NOT NULL,
  comments TEXT,
  created_at REAL NOT NULL,
  due_at REAL,
  due_status TEXT,
  due_meta TEXT,
  settlement_id INTEGER
);
CREATE INDEX IF NOT EXISTS refund_by_charge ON refund (charge_id);
CREATE INDEX IF NOT EXISTS refund_by_due ON refund (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS settlement (
  settlement_id INTEGER PRIMARY KEY AUTOINCREMENT,
  day TEXT NOT NULL,
  currency TEXT NOT NULL,
  body TEXT NOT NULL,
  net TEXT NOT NULL,
  created_at REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS transfer (
  transfer_id INTEGER PRIMARY KEY AUTOINCREMENT,
  tx_ref TEXT NOT NULL,
  account_bank TEXT NOT NULL,
  account_number TEXT NOT NULL,
  beneficiary_name TEXT,
  branch_code TEXT,
  narration TEXT NOT NULL,
  amount TEXT NOT NULL,
  fee TEXT NOT NULL,
  currency TEXT NOT NULL,
  debit_currency TEXT NOT NULL,
  meta TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('NEW', 'PENDING', 'SUCCESSFUL', 'FAILED')),
  complete_message TEXT NOT NULL,
  created_at REAL NOT NULL,
  due_at REAL,
  ends_at REAL,
  end TEXT NOT NULL,
  end_message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transfer_by_reference ON transfer (tx_ref);
CREATE INDEX IF NOT EXISTS transfer_by_due ON transfer (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS delivery (
  delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  tx_ref TEXT,
  charge_id INTEGER,
  refund_id INTEGER,
  body TEXT NOT NULL,
  hash TEXT NOT NULL CHECK (hash IN ('right', 'wrong', 'none', 'v4', 'v4-wrong')),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'sending', 'delivered', 'failed', 'dropped')),
  due_at REAL,
  tries_left INTEGER NOT NULL,
  tries TEXT NOT NULL DEFAULT '[]',
  faults TEXT NOT NULL,
  created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_by_due ON delivery (due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS delivery_by_tx_ref ON delivery (tx_ref);

CREATE TABLE IF NOT EXISTS fault (
  fault_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  targets TEXT NOT NULL,
  tx_ref TEXT,
  skip INTEGER NOT NULL,
  remaining INTEGER,
  fired INTEGER NOT NULL DEFAULT 0,
  params TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS request (
  request_id INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  query TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  tx_ref TEXT,
  authorized INTEGER NOT NULL,
  headers TEXT NOT NULL,
  body TEXT NOT NULL,
  fault TEXT,
  done INTEGER,
  status INTEGER
);
CREATE INDEX IF NOT EXISTS request_by_tx_ref ON request (tx_ref);
