// Made from src/config/schema by `node --conditions=drakkar-src scripts/gen-reference.ts`: change the schema, not this file.

/** The configuration as the code sees it: camelCase, read-only, complete. */
export interface Config {
  /** Environment variable that holds the worker’s name. Unset: `drakkar-<random>`. Default `WORKER_ID`. */
  readonly workerNameEnv: string
  /** Groups workers in logs and UI. */
  readonly clusterName: string
  /** Environment variable that overrides cluster_name. */
  readonly clusterNameEnv: string
  /** Longest time for one asynchronous hook call; 0 = no limit. Default `120`. */
  readonly hookTimeoutSeconds: number
  /** A hook that blocks the event loop this long ends the process (exit code 70). Default `60`. */
  readonly hookStallSeconds: number
  /** A partition that has not moved for so long is logged with the reason, again at each doubling; 0 = never. Default `30`. */
  readonly standstillSeconds: number
  /** batch: payloads go out as hooks return them. atomic: those of a message are held until all its tasks have ended well, then go out together; where a task dies nothing of the message is delivered. Default `batch`. */
  readonly delivery: 'batch' | 'atomic'
  /** Brokers. */
  readonly kafka: {
    /** Bootstrap brokers, `host:port,…`; also for Kafka sinks and dead letters that name none. Default `localhost:9092`. */
    readonly brokers: string
    /** How to reach the brokers. */
    readonly security: {
      /** How to talk to the brokers. Default `PLAINTEXT`. */
      readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
      /** Required with SASL_*, refused otherwise. */
      readonly saslMechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'GSSAPI' | 'OAUTHBEARER'
      /** Required for PLAIN and SCRAM. */
      readonly saslUsername: string
      /** Required for PLAIN and SCRAM, or `sasl_password_file`. Write `${file:/run/secrets/…}` rather than the password. */
      readonly saslPassword: string
      /** File with the password, read every five seconds: a changed password needs no restart. */
      readonly saslPasswordFile: string
      /** File with the certificates of the authorities to trust. */
      readonly sslCaLocation: string
      /** File with the certificate of this client. */
      readonly sslCertificateLocation: string
      /** File with its key; needs the certificate. */
      readonly sslKeyLocation: string
      /** Password of the key. */
      readonly sslKeyPassword: string
      /** Whether the name in the broker’s certificate is checked. Default: the client’s (it is). */
      readonly sslEndpointIdentificationAlgorithm?: 'https' | 'none'
    }
    /** Raw librdkafka properties, merged last. What the worker’s guarantees rest on is refused. */
    readonly clientConfig: Readonly<Record<string, string | number | boolean>>
    /** Address of a Kafka UI, for links. */
    readonly uiUrl: string
    /** Name of the cluster in that UI. */
    readonly uiClusterName: string
  }
  /** Where messages come from. */
  readonly sources: {
    /** Messages from Kafka. */
    readonly kafka: {
      /** Whether messages are taken from Kafka. Default `true`. */
      readonly enabled: boolean
      /** One topic, several, or a regular expression that begins with `^` (resolved at the start). */
      readonly topic: readonly string[]
      /** Workers of one group share the partitions. Default `drakkar-workers`. */
      readonly consumerGroup: string
      /** Most records taken from the client at once. Fewer keep the event loop smoother, more cost less per record. Default `500`. */
      readonly maxPollRecords: number
      /** Longest time between polls, milliseconds: the hard bound of a drain; beyond it the broker evicts the worker. Default `300000`. */
      readonly maxPollIntervalMs: number
      /** How long the broker waits for a silent worker, milliseconds. Shorter: faster take-over after a crash; longer: fewer evictions on a bad network. Default `10000`. */
      readonly sessionTimeoutMs: number
      /** Between heartbeats, milliseconds; keep it at or below a third of the session time-out. Default `3000`. */
      readonly heartbeatIntervalMs: number
      /** Static membership: the name of this worker in the group, unique in it. A restart within the session time-out then moves no partitions. */
      readonly groupInstanceId?: string
      /** Where a partition starts for which the group never committed. Default `earliest`. */
      readonly autoOffsetReset: 'earliest' | 'latest'
      /** What to do where the log no longer holds the next offset (retention overtook, topic recreated): go on there, or hold the partition. Default `earliest`. */
      readonly onOffsetGap: 'earliest' | 'latest' | 'hold'
      /** The end of a record that cannot be decoded: dead letter, drop (counted), or hold its partition. Default `dlq`. */
      readonly onParseError: 'dlq' | 'skip' | 'hold'
      /** Largest record that is fetched and produced, bytes. Brokers and topics have limits of their own. Default `10485760`. */
      readonly maxMessageBytes: number
      /** Finished offsets above a partition’s first unfinished one at which its intake pauses. Default `100000`. */
      readonly maxUncommittedSpan: number
      /** A commit goes out after so many ended messages, … Default `300`. */
      readonly commitEvery: number
      /** … or when the oldest of them has waited so long, milliseconds. Shorter: fewer re-runs after a crash; longer: less load on the broker. Default `500`. */
      readonly commitIntervalMs: number
      /** Wait before joining the group so that a fleet that boots together joins in one rebalance. Default `false`. */
      readonly startupAlignEnabled: boolean
      /** Shortest such wait. Default `4`. */
      readonly startupMinWaitSeconds: number
      /** It then ends when the wall clock is a multiple of this, seconds. Default `10`. */
      readonly startupAlignIntervalSeconds: number
    }
  }
  /** The pool that runs programs. */
  readonly executor: {
    /** Who runs tasks that name no runner: exec, one process for each; pool, processes that stay; function, JavaScript. Default `exec`. */
    readonly runner: 'exec' | 'pool' | 'function'
    /** Processes that stay (runner `pool`). There where executor.runner is `pool` or binary_path is set here. */
    readonly pool: {
      /** Program that speaks the pool’s protocol. Default: executor.binary_path. */
      readonly binaryPath?: string
      /** Arguments of each process; those of a task are in its request. */
      readonly args: readonly string[]
      /** json: one JSON object a line; frames: a JSON header and a raw body. See docs/reference/pool-protocol.md. Default `json`. */
      readonly protocol: 'json' | 'frames'
      /** Most processes at once. Default: max_executors / in_flight, rounded up. */
      readonly processes?: number
      /** Tasks that one process has at once. Above 1 answers need ids. Default `1`. */
      readonly inFlight: number
      /** Longest time from a start to the answer of the first ping; 0 = any. Default `30`. */
      readonly readyTimeoutSeconds: number
      /** Longest silence about a task (`progress` and `partial` break it); then verdict `no-progress`. 0 = any. Default `0`. */
      readonly noProgressSeconds: number
      /** A process gets so many tasks at most. 0 = any number. Default `0`. */
      readonly recycleAfterTasks: number
      /** A process this old is replaced. 0 = never. Default `0`. */
      readonly recycleAfterSeconds: number
      /** A process with a larger resident set is replaced; needs /proc. 0 = any. Default `0`. */
      readonly maxRssBytes: number
      /** A process with nothing to do for so long ends. 0 = all of them stay, and start early. Default `0`. */
      readonly idleSeconds: number
      /** Files besides the program whose change replaces the processes, e.g. the script of an interpreter. */
      readonly watch: readonly string[]
      /** Longest line, or part of a frame, that a process may write. Default `16777216`. */
      readonly maxAnswerBytes: number
    }
    /** Functions as tasks (runner `function`). */
    readonly function: {
      /** Module whose default export is the function; it runs in worker threads. Relative to the working directory. Unset: the handler’s `run`, in the worker’s own process. */
      readonly file?: string
      /** Worker threads; a task waits for a free one. Default: max_executors. */
      readonly threads?: number
      /** Largest heap of a thread, MiB; a task that needs more ends with verdict `oom`. 0 = Node’s own limit. Default `0`. */
      readonly maxHeapMb: number
      /** Longest time without a call of `progress()`; then the run ends with verdict `no-progress`. 0 = any. Default `0`. */
      readonly noProgressSeconds: number
    }
    /** Program of tasks that name none. Without a slash it is looked up on the PATH. */
    readonly binaryPath?: string
    /** Environment variables of every task. Never recorded. */
    readonly env: Readonly<Record<string, string>>
    /** Whether tasks get the worker’s own environment (less what is denied). Default `true`. */
    readonly envInheritParent: boolean
    /** Names, with `*`, in any case, that are not inherited. */
    readonly envInheritDeny: readonly string[]
    /** Tasks that run at once. About the number of CPUs for CPU-heavy programs. Default `4`. */
    readonly maxExecutors: number
    /** Wall time limit of a run; then SIGTERM, grace, SIGKILL to its whole process group. Default `120`. */
    readonly taskTimeoutSeconds: number
    /** Between SIGTERM and SIGKILL. Default `5`. */
    readonly killGraceSeconds: number
    /** Most stdout of a run, bytes; 0 = no limit. See on_output_cap. Default `1048576`. */
    readonly maxStdoutBytes: number
    /** Kept of stderr, its end, bytes; 0 = all. Default `262144`. */
    readonly maxStderrBytes: number
    /** More stdout than the cap: the run fails with verdict `output-cap`; or the rest is thrown away and flagged; or all of it goes to a file until the task has settled. Default `fail`. */
    readonly onOutputCap: 'fail' | 'truncate' | 'spill'
    /** Folder for `on_output_cap: spill`. Default: scratch_dir, else the temporary folder. */
    readonly spillDir?: string
    /** Most stdout of a run that may be spilled, bytes; 0 = no limit. Default `1073741824`. */
    readonly maxSpillBytes: number
    /** Folder below which tasks with `scratch: true` get theirs. Default: the temporary folder. */
    readonly scratchDir?: string
    /** Most that each process that is started for tasks may use, never more than the worker itself. Needs native launchers. */
    readonly limits: {
      /** Address space, bytes: what is reserved counts, so programs of Node, Java or Go need much. */
      readonly memoryBytes?: number
      /** CPU time, whole seconds; then SIGXCPU, and SIGKILL a second later. Not of processes of executor.pool. */
      readonly cpuSeconds?: number
      /** Largest file that it may write, bytes. */
      readonly fileBytes?: number
      /** Open descriptors. */
      readonly openFiles?: number
      /** Processes and threads of its user, all of them on this machine; not for root. */
      readonly processes?: number
      /** Largest core file, bytes; 0 = none. */
      readonly coreBytes?: number
    }
    /** Added to the niceness of programs: with more than 0 the worker itself comes first. Needs native launchers. Default `0`. */
    readonly nice: number
    /** Umask of programs, octal. Default: the worker’s. */
    readonly umask?: string
    /** Runs programs as another user. Only where the worker is root. */
    readonly runAs?: {
      /** User of programs, by number. */
      readonly uid: number
      /** Group of programs, by number; the only one they have. */
      readonly gid: number
    }
    /** A run that takes longer is logged once, with its pid; 0 = never. Default `60`. */
    readonly slowTaskSeconds: number
    /** Exit codes that count as success; for programs like grep, `[0, 1]`. A task’s own list wins. */
    readonly okExitCodes: readonly number[]
    /** Most messages that one `arrange` gets. It never waits to fill a window. Default `100`. */
    readonly windowSize: number
    /** Runs of a task beyond the first, and repeats of a failing hook. Default `3`. */
    readonly maxRetries: number
    /** Wait before the first retry; it doubles, with jitter, … Default `0.2`. */
    readonly retryBackoffSeconds: number
    /** … up to this. Default `30`. */
    readonly retryBackoffMaxSeconds: number
    /** Sets both drain_on_revoke_seconds and drain_on_stop_seconds. */
    readonly drainTimeoutSeconds?: number
    /** How long running tasks may go on when partitions move to another worker; the whole group waits. Default `15`. */
    readonly drainOnRevokeSeconds: number
    /** How long they may go on when the worker stops. Default `30`. */
    readonly drainOnStopSeconds: number
    /** Intake pauses at max_executors × this messages in flight … Default `32`. */
    readonly backpressureHighMultiplier: number
    /** … and resumes at max_executors × this. Default `4`. */
    readonly backpressureLowMultiplier: number
    /** Messages and held outputs in memory, bytes, before intake pauses. Default `268435456`. */
    readonly maxBufferedBytes: number
    /** Processes that start the programs. auto: one per CPU, at most 4. Default `auto`. */
    readonly launchers: 'auto' | number
  }
  /** Where results go. */
  readonly sinks: {
    /** Kafka topics, by instance name. */
    readonly kafka: {
      readonly [name: string]: {
        /** Topic to write to. */
        readonly topic: string
        /** Brokers of this client alone, `host:port,…`. Empty: those of `kafka`, with their security and client_config. */
        readonly brokers: string
        /** Only with own brokers. */
        readonly security: {
          /** How to talk to the brokers. Default `PLAINTEXT`. */
          readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
          /** Required with SASL_*, refused otherwise. */
          readonly saslMechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'GSSAPI' | 'OAUTHBEARER'
          /** Required for PLAIN and SCRAM. */
          readonly saslUsername: string
          /** Required for PLAIN and SCRAM, or `sasl_password_file`. Write `${file:/run/secrets/…}` rather than the password. */
          readonly saslPassword: string
          /** File with the password, read every five seconds: a changed password needs no restart. */
          readonly saslPasswordFile: string
          /** File with the certificates of the authorities to trust. */
          readonly sslCaLocation: string
          /** File with the certificate of this client. */
          readonly sslCertificateLocation: string
          /** File with its key; needs the certificate. */
          readonly sslKeyLocation: string
          /** Password of the key. */
          readonly sslKeyPassword: string
          /** Whether the name in the broker’s certificate is checked. Default: the client’s (it is). */
          readonly sslEndpointIdentificationAlgorithm?: 'https' | 'none'
        }
        /** Raw librdkafka properties; only with own brokers. */
        readonly clientConfig: Readonly<Record<string, string | number | boolean>>
        /** Of the producer. Default `lz4`. */
        readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
        /** How long the producer waits to fill a request, milliseconds. Default `1`. */
        readonly producerLingerMs: number
        /** Adds the header `drakkar-id`, the same after every replay, by which consumers can drop duplicates. Default `true`. */
        readonly idHeader: boolean
        /** Results, dead letters and offsets in one Kafka transaction: `read_committed` readers see each result exactly once. Needs the brokers of `kafka`; implies `delivery: atomic`. Default `false`. */
        readonly transactional: boolean
        /** How long a stop waits for records under way. Default `30`. */
        readonly flushTimeoutSeconds: number
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** Folders for files, by instance name. */
    readonly filesystem: {
      readonly [name: string]: {
        /** Folder that files are written below; must exist. Nothing outside of it is ever written. */
        readonly basePath: string
        /** Path of payloads that name none, below base_path, with {topic}, {partition}, {date}, {hour}, {id}, {key} and {data.…}. Empty: each names its own. */
        readonly path: string
        /** append: records are added to files. file: each record is a file, there whole or not at all. Default `append`. */
        readonly mode: 'append' | 'file'
        /** jsonl: a line of JSON. csv: a line of CSV (RFC 4180). raw: texts and bytes as they are. Default `jsonl`. */
        readonly format: 'jsonl' | 'csv' | 'raw'
        /** With `format: csv`. */
        readonly csv: {
          /** Fields, in this order; others are left out. Empty: those of the first record of each file. */
          readonly columns: readonly string[]
          /** Between fields. Default `,`. */
          readonly delimiter: string
          /** A line with the names first. Default `true`. */
          readonly header: boolean
          /** Puts `'` before texts that begin with =, +, -, @, tab or return, which a spreadsheet would run as formulas. Default `false`. */
          readonly escapeFormulas: boolean
        }
        /** Of each batch by itself, so larger batches get smaller; adds .gz or .zst to paths. Default `none`. */
        readonly compression: 'none' | 'gzip' | 'zstd'
        /** A file is finished before it gets larger than this, bytes; 0 = no limit. Default `0`. */
        readonly rotateBytes: number
        /** A file is finished when it is so old; 0 = no limit. Default `0`. */
        readonly rotateSeconds: number
        /** Ids of records that are remembered for each file, so that a record that comes again is not written again; 0 = none (only with jsonl, not compressed). Default `4096`. */
        readonly rememberRecords: number
        /** Flush to the disk before a record counts as delivered. Off: faster, and a power cut can lose acknowledged lines. Default `true`. */
        readonly fsync: boolean
        /** Files kept open. Default `64`. */
        readonly maxOpenFiles: number
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** HTTP services, by instance name. */
    readonly http: {
      readonly [name: string]: {
        /** Where requests go. Credentials in it (`https://user:word@host`) go out as an `Authorization` header. */
        readonly url: string
        /** Of payloads that name none. Default `POST`. */
        readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
        /** How `data` becomes the body; sets Content-Type. Default `json`. */
        readonly encoding: 'json' | 'form' | 'multipart' | 'raw'
        /** With `encoding: raw`. Empty: text/plain for texts, application/octet-stream for bytes. */
        readonly contentType: string
        /** Sent with each request to the host of `url`. Their values are never shown. */
        readonly headers: Readonly<Record<string, string>>
        /** File with a token, sent to that host as `Authorization: Bearer …`. Read every five seconds: a changed token needs no restart. */
        readonly bearerTokenFile: string
        /** What a payload may choose: nothing; `path` below `url` and `query`; or a whole `url` as well. Default `none`. */
        readonly payloadUrl: 'none' | 'path' | 'url'
        /** Hosts (`host`, `host:port`, `*.host`) that such a URL may have. Empty: only that of `url`. */
        readonly allowedHosts: readonly string[]
        /** Header with the record’s id, the same after every replay. Empty: none. Default `Idempotency-Key`. */
        readonly idempotencyHeader: string
        /** One request per record; or for a batch, a JSON list of the data, or of `{"id", "data"}`. Default `none`. */
        readonly batchFormat: 'none' | 'array' | 'envelope'
        /** For a request with everything, waiting its turn and redirects too; at most 90 % of sinks.delivery_timeout_seconds. Default `30`. */
        readonly timeoutSeconds: number
        /** For the connection. Default `5`. */
        readonly connectTimeoutSeconds: number
        /** From the request to the first line of the answer. Default `30`. */
        readonly headersTimeoutSeconds: number
        /** Between two pieces of the answer. Default `10`. */
        readonly bodyTimeoutSeconds: number
        /** Connections to each host = requests at once. 1 keeps the order of requests. Default `16`. */
        readonly maxConnections: number
        /** Most requests to each host, per second on average. Left out: no limit. */
        readonly requestsPerSecond?: number
        /** Requests that may go out at once after a quiet time; with requests_per_second. Default `1`. */
        readonly burst: number
        /** Redirects (307, 308) that are followed. Default `0`. */
        readonly maxRedirects: number
        /** Read and not used: a request is repeated until it is taken. */
        readonly maxRetries?: number
        /** Refuses private addresses, after names were resolved. Link-local ones always are. Default `false`. */
        readonly refusePrivate: boolean
        /** Refuses addresses of this machine itself. Default `false`. */
        readonly refuseLoopback: boolean
        /** For https. */
        readonly tls: {
          /** Whether the certificate of the server is checked. Off: anybody can pretend to be it. Default `true`. */
          readonly verify: boolean
          /** File (PEM) with the authorities to trust instead of the usual ones. */
          readonly caFile: string
          /** File (PEM) with the certificate of this client, and … */
          readonly certFile: string
          /** … with its key. */
          readonly keyFile: string
          /** Password of the key. */
          readonly keyPassword: string
          /** Name that the certificate must hold, where it is not the host of `url`. */
          readonly serverName: string
        }
        /** Whether the start fails where no connection can be opened. Default `true`. */
        readonly checkAtStart: boolean
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** MongoDB databases, by instance name. */
    readonly mongo: {
      readonly [name: string]: {
        /** Where MongoDB is, with its options: user, TLS, replica set. Never shown. */
        readonly uri: string
        /** Database that is written to. */
        readonly database: string
        /** Operations by name, for payloads with `op: statement`. A text `":name"` is replaced by that parameter. */
        readonly statements: {
          readonly [name: string]: {
            /** Collection that it works on. */
            readonly collection: string
            /** What is done. */
            readonly op: 'insert' | 'update_one' | 'update_many' | 'replace_one' | 'delete_one' | 'delete_many'
            /** Which documents; for all but insert. */
            readonly filter?: Readonly<Record<string, unknown>>
            /** For updates: operators (`$set` …) or a pipeline; for insert and replace_one: the document. */
            readonly update?: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[]
            /** For update_one and replace_one: makes the document where there is none. Default `false`. */
            readonly upsert: boolean
          }
        }
        /** Operations of a batch are done in its order. Off: faster where many fail, and operations on one document may change places. Default `true`. */
        readonly ordered: boolean
        /** Members that must have a write before it counts as delivered. Less: a failover can lose it. Default `majority`. */
        readonly writeConcern: 'majority' | number
        /** How long they may take, and how long an answer may. Default `20`. */
        readonly writeTimeoutSeconds: number
        /** For a connection, and for finding a server that takes writes. Default `10`. */
        readonly connectTimeoutSeconds: number
        /** Connections to each server. Default `4`. */
        readonly maxPoolSize: number
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** PostgreSQL, by instance name. */
    readonly postgres: {
      readonly [name: string]: {
        /** Where PostgreSQL is: `postgres://user:password@host:port/database?sslmode=verify-full`; `?host=/folder` for a Unix socket. */
        readonly dsn: string
        /** Over the one in `dsn`. Write `${file:/run/secrets/…}` rather than the password. */
        readonly password: string
        /** File with the password, read for each new connection: a changed password needs no restart. */
        readonly passwordFile: string
        /** For connections with TLS. */
        readonly tls: {
          /** Over `sslmode` of `dsn`, with the meaning of libpq: require encrypts and checks nothing; verify-ca the certificate; verify-full its name too. Empty: as `dsn` says, else verify-full where a file is named here, else disable. */
          readonly mode: '' | 'disable' | 'require' | 'verify-ca' | 'verify-full'
          /** File (PEM) with the authorities to trust instead of the usual ones. */
          readonly caFile: string
          /** File (PEM) with the certificate of this client, and … */
          readonly certFile: string
          /** … with its key. */
          readonly keyFile: string
          /** Name that the certificate must hold, where it is not the host of `dsn`. */
          readonly serverName: string
        }
        /** Connections that stay open when nothing is written. Default `2`. */
        readonly poolMin: number
        /** Most connections. A batch takes one. Default `10`. */
        readonly poolMax: number
        /** For a connection, or a free one of the pool. Default `10`. */
        readonly connectTimeoutSeconds: number
        /** Longest run of one statement; at most 80 % of sinks.delivery_timeout_seconds. Set for each transaction. Default `20`. */
        readonly statementTimeoutSeconds: number
        /** Keeps statements prepared. Off: for PgBouncer before 1.21, or without `max_prepared_statements`. Default `true`. */
        readonly preparedStatements: boolean
        /** Table of payloads that name none; checked at the start. `table`, or `schema.table`. */
        readonly table: string
        /** SQL by name, with `:name` parameters, for payloads with `op: statement`; checked at the start. */
        readonly statements: Readonly<Record<string, string>>
        /** How a record that comes again is written once. table: its id is noted in the same transaction, and a former owner of a partition is refused; key: inserts carry it in `id_column`; none: it is written again. Default `table`. */
        readonly idempotency: 'table' | 'key' | 'none'
        /** With `idempotency: key`: the column of each table that gets ids; needs a unique index. Default `drakkar_id`. */
        readonly idColumn: string
        /** With `idempotency: table`: schema of `drakkar_delivered` and `drakkar_owners`. Empty: the first one of the search path. */
        readonly stateSchema: string
        /** With `idempotency: table`: creates the two tables where they are missing. Default `true`. */
        readonly createTables: boolean
        /** With `idempotency: table`: how long ids are kept; a replay later than that writes again. Default `168`. */
        readonly keepIdsHours: number
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** Redis, by instance name. */
    readonly redis: {
      readonly [name: string]: {
        /** Where Redis is: `redis://host:port/db`, `redis-cluster://host:port,host:port` or `redis-sentinel://host:port,host:port/master/db`; `rediss…` for TLS. Default `redis://localhost:6379/0`. */
        readonly url: string
        /** Over the one in `url`. */
        readonly username: string
        /** Over the one in `url`. Write `${file:/run/secrets/…}` rather than the password. */
        readonly password: string
        /** File with the password, read again where the server does not take the one in use: a changed password needs no restart. */
        readonly passwordFile: string
        /** For the sentinels, where they ask for one. */
        readonly sentinelUsername: string
        /** For the sentinels, where they ask for one. */
        readonly sentinelPassword: string
        /** For `rediss` URLs. */
        readonly tls: {
          /** Whether the certificate of the server is checked. Off: anybody can pretend to be it. Default `true`. */
          readonly verify: boolean
          /** File (PEM) with the authorities to trust instead of the usual ones. */
          readonly caFile: string
          /** File (PEM) with the certificate of this client, and … */
          readonly certFile: string
          /** … with its key. */
          readonly keyFile: string
          /** Name that the certificate must hold, where it is not the host of `url`. */
          readonly serverName: string
        }
        /** For a connection, and for the whole start. Default `10`. */
        readonly connectTimeoutSeconds: number
        /** For an answer; a connection that is silent so long is given up. Default `10`. */
        readonly commandTimeoutSeconds: number
        /** Before every key, also of markers and fences; not before channels. */
        readonly keyPrefix: string
        /** Lua by name, for payloads with `op: script`. KEYS get the prefix. */
        readonly scripts: Readonly<Record<string, string>>
        /** auto: incrby, push, trim, xadd, publish and script leave a marker in the same step, so that a replay does nothing. off: a replay does them again. Default `auto`. */
        readonly idempotency: 'auto' | 'off'
        /** How long a marker lives; a replay later than that writes again. Each takes about 170 bytes of Redis’ memory. Default `86400`. */
        readonly markerTtlSeconds: number
        /** auto: what a former owner of a partition still sends is refused. Default `auto`. */
        readonly fencing: 'auto' | 'off'
        /** Replicas that must have a batch before it counts as delivered. 0: a master that dies can take acknowledged writes with it. Not for clusters. Default `0`. */
        readonly waitReplicas: number
        /** How long to wait for them. Default `5`. */
        readonly waitTimeoutSeconds: number
        /** How long a batch waits for more, milliseconds. The Kafka producer lingers itself. Default `0`. */
        readonly lingerMs: number
        /** Most records of a batch. Default `500`. */
        readonly maxBatchRecords: number
        /** Most bytes of a batch; a larger record goes alone. Default `1048576`. */
        readonly maxBatchBytes: number
        /** Address of the sink’s own UI, for links. */
        readonly uiUrl: string
      }
    }
    /** Sinks of your own, `<kind>: { <name>: { module: ./my-sink.ts, … } }`. `module`: a file (relative to the working directory) or a package, default `drakkar-sink-<kind>`. `linger_ms`, `max_batch_records` and `max_batch_bytes` as for other sinks; everything else goes to the sink as it is. */
    readonly custom: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>
    /** Longest wait for one attempt of a sink. Default `30`. */
    readonly deliveryTimeoutSeconds: number
    /** When a sink that fails holds the partitions that need it. */
    readonly circuitBreaker: {
      /** Failures in a row at which a sink’s partitions are held. Default `5`. */
      readonly failureThreshold: number
      /** Between probes of a sink that is held for. Default `5`. */
      readonly cooldownSeconds: number
    }
  }
  /** Where messages go that cannot be delivered. */
  readonly dlq: {
    /** Where dead letters go: to a Kafka topic, or each into a file below `path`. Default `kafka`. */
    readonly type: 'kafka' | 'file'
    /** With `type: file`: the folder of the letters; made at the start. Default `./dead-letters`. */
    readonly path: string
    /** A fuse: where more than this share of the messages that ended in this time ended dead, intake stops for as long (`5% / 10m`). Empty: none. */
    readonly maxDead: string
    /** The fuse never blows for fewer dead letters than this. Default `20`. */
    readonly maxDeadLeast: number
    /** Topic of the dead letters. Empty: `<source topic>_dlq` for each source topic. */
    readonly topic: string
    /** Brokers of this client alone, `host:port,…`. Empty: those of `kafka`, with their security and client_config. */
    readonly brokers: string
    /** Only with own brokers. */
    readonly security: {
      /** How to talk to the brokers. Default `PLAINTEXT`. */
      readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
      /** Required with SASL_*, refused otherwise. */
      readonly saslMechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'GSSAPI' | 'OAUTHBEARER'
      /** Required for PLAIN and SCRAM. */
      readonly saslUsername: string
      /** Required for PLAIN and SCRAM, or `sasl_password_file`. Write `${file:/run/secrets/…}` rather than the password. */
      readonly saslPassword: string
      /** File with the password, read every five seconds: a changed password needs no restart. */
      readonly saslPasswordFile: string
      /** File with the certificates of the authorities to trust. */
      readonly sslCaLocation: string
      /** File with the certificate of this client. */
      readonly sslCertificateLocation: string
      /** File with its key; needs the certificate. */
      readonly sslKeyLocation: string
      /** Password of the key. */
      readonly sslKeyPassword: string
      /** Whether the name in the broker’s certificate is checked. Default: the client’s (it is). */
      readonly sslEndpointIdentificationAlgorithm?: 'https' | 'none'
    }
    /** Raw librdkafka properties; only with own brokers. */
    readonly clientConfig: Readonly<Record<string, string | number | boolean>>
    /** A letter that is too large for its topic: into a file, or hold its partition. Default `file`. */
    readonly oversize: 'file' | 'hold'
    /** Folder of those files; made at the start. Default `./dead-letters`. */
    readonly oversizeDir: string
    /** A dead letter that cannot be written holds its partition until it can. There is no other choice: `drop` would lose it. Default `stall`. */
    readonly onSendFailure: 'stall'
    /** How long a stop waits for letters under way. Default `30`. */
    readonly flushTimeoutSeconds: number
  }
  /** Metrics and health over HTTP. */
  readonly metrics: {
    /** Serve `/metrics`, `/healthz` and `/readyz`. Default `true`. */
    readonly enabled: boolean
    /** Address to listen on. Default `0.0.0.0`. */
    readonly host: string
    /** Port to listen on; 0 = any free one, logged. Default `9090`. */
    readonly port: number
  }
  /** The local socket for `drakkar status`, `cancel`, `set`, `pause`, `resume`. */
  readonly control: {
    /** Listen on a local socket that only this user can open. Default `true`. */
    readonly enabled: boolean
    /** Path of the socket. Empty: `<worker id>.sock` in `$XDG_RUNTIME_DIR/drakkar`, else in `drakkar-<uid>` in the temporary folder. */
    readonly path: string
  }
  /** The log. */
  readonly logging: {
    /** Least level that is written. A line per task is DEBUG. Default `INFO`. */
    readonly level: 'DEBUG' | 'INFO' | 'WARNING' | 'WARN' | 'ERROR' | 'CRITICAL'
    /** JSON lines, or lines for people. Default `json`. */
    readonly format: 'json' | 'console'
    /** stderr, stdout, or a path, in which `{worker_id}` and `{cluster_name}` are filled in. Default `stderr`. */
    readonly output: string
  }
  /** Yours: reaches the handler’s `onStartup` as it is. */
  readonly app: Readonly<Record<string, unknown>>
}
