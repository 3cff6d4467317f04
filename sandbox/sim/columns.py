"""The data plane's state: what each column of each array means.

All state is in a handful of two-dimensional int64 arrays, one row a thing, one column a fact; times are integer
nanoseconds. Integers make sums exact (a concurrency integral is a sum of instants), so conservation holds to the
last request and the compiled and the plain form agree bit for bit. A row of 8 columns is one cache line.
"""

from __future__ import annotations

NONE = -1
FOREVER = (1 << 62) - 1

# ---- hops: a request as one revision sees it. Hop 2k is what the client asked, hop 2k+1 what a transformer asked
# of a predictor on its behalf; H_INDEX … H_ROUTE are only used in the even one.
(
    H_REV,
    H_POD,
    H_ACT,  # row in acts, NONE: came directly
    H_T_IN,
    H_DEADLINE,
    H_NEXT,  # next hop in the same queue; next free request in the free list
    H_STAGE,
    H_OVER,  # network hops so far, ns: added to the latency, they shift a request as a whole
    H_GEN,  # raised when a pending completion must be ignored
    H_STATUS,
    H_INDEX,  # number of the request within its flow
    H_FLOW,
    H_KEY,
    H_SERVICE,  # the model's own time from a trace, NONE: drawn
    H_USER,  # closed loop: whose request it is, else NO_USER
    H_ROUTE,
) = range(16)
HOP_COLUMNS = 16

# H_STAGE
(
    FREE,
    AT_ACTIVATOR,  # queued in the activator
    AT_QUEUE_PROXY,  # queued in queue-proxy's breaker
    AT_CONTAINER,  # inside the breaker, waiting for a worker
    WORKING,  # a worker is on it; a completion is in the heap
    WAITING,  # a transformer waits for its predictor
    REFUSED,  # reached the pod and was turned away
    ARRIVING,  # between two places, at one instant
    GONE,  # answered while its inner hop was still running
) = range(9)

# ---- revs: a revision (or the pods of a Deployment)
(
    R_MODE,
    R_CC,  # containerConcurrency, 0: no limit
    R_POLICY,  # of the gateway: a policy of mechanisms.routing.balancing
    R_WORKERS,  # 0: no limit
    R_TIMEOUT,
    R_TABLE,  # service-time table
    R_FAIL,  # share of failing requests, of 2^53
    R_INNER_ROUTE,  # route to the predictor, NONE: answers itself
    R_HOP,  # gateway hop, ns
    R_ACT_HOP,  # additional hop through the activator, ns
    R_ENDPOINTS,  # how many pods the gateway knows
    R_NEXT_ENDPOINT,  # round robin
    R_ACTIVATORS,  # how many activators serve it
    R_MODEL,  # number of the model its containers run
    R_HAS_CACHE,
    R_CACHE_TABLE,  # look-up time table
    R_KEY_HAS_MODEL,
    R_RESPONSE_BYTES,
    R_LATENCY,  # sum of all latencies in the histogram, ns, of the entry series
    R_INNER_LATENCY,  # and of the inner one
    R_DENIED,  # bit k: its pods' sidecars deny caller k
    R_DENIED_AT_ACTIVATOR,  # bit k: the activator's sidecar denies caller k's requests to it
    R_CALLER,  # who its own pods are when they call
) = range(23)
REV_COLUMNS = 32

# R_MODE
DIRECT, PROXY = range(2)

# callers that are always there (sim/mesh.py numbers the others)
FROM_GATEWAY, FROM_ACTIVATOR = range(2)

# ---- acts: one activator's view of one revision; row = revision * activators + activator
(
    A_KNOWN,  # 0: the next request is "first" and is reported at once
    A_INSIDE,  # requests inside, queued ones included
    A_AREA,  # integral of A_INSIDE: minus the instants of arrivals, plus those of departures
    A_COUNT,  # requests since the last report
    A_CAPACITY,  # requests it may have at pods, containerConcurrency > 0
    A_USED,
    A_QUEUED,
    A_HEAD,
    A_TAIL,
    A_PODS,  # pods it may use
    A_NEXT_POD,  # round robin
    A_TIMER,  # 1: a timer for the queue's head is in the heap
) = range(12)
ACT_COLUMNS = 16

# P_ALIVE
ALIVE, HUNG = 1, 2  # a hung container accepts requests and works on none

# ---- pods
(
    P_REV,
    P_ALIVE,  # ALIVE, HUNG or 0: refuses connections
    P_ACTIVE,  # inside the breaker
    P_RUNNING,  # workers busy
    P_QUEUED,
    P_HEAD,
    P_TAIL,
    P_WAITING,  # in the container, no worker yet
    P_WAIT_HEAD,
    P_WAIT_TAIL,
    P_INSIDE,  # in the pod: what queue-proxy reports
    P_AREA,
    P_COUNT,
    P_PROXIED,  # of P_INSIDE, came through the activator
    P_PROXIED_AREA,
    P_PROXIED_COUNT,
    P_GATEWAY,  # in flight as the gateway counts them
    P_CACHE,  # row in caches, NONE
    P_TIMER,
) = range(19)
POD_COLUMNS = 32

# ---- flows (integers) and clocks (floats)
(
    F_NEXT,  # instant of the next arrival, FOREVER: none
    F_INDEX,  # its number
    F_KIND,
    F_ROUTE,
    F_KEY_OFFSET,
    F_KEYS,  # 0: no keys
    F_SEGMENT,  # position in the rate's knots
    F_LAST_SEGMENT,
    F_TRACE,  # offset into the trace arrays
    F_TRACE_END,
    F_CLIENTS,  # client-side balancing: how many clients, 0: gateway
    F_CLIENT_BASE,  # first row in client_pods
    F_THINK,  # think-time table
    F_GAP_STREAM,
    F_KEY_STREAM,
    F_SPLIT_STREAM,
    F_PICK_STREAM,
    F_SERVICE_STREAM,
    F_FAIL_STREAM,
    F_THINK_STREAM,
    F_CLIENT_STREAM,
    F_CALLER,  # who asks
) = range(22)
FLOW_COLUMNS = 32
# F_KIND
KIND_POISSON, KIND_CONSTANT, KIND_TRACE, KIND_USERS = range(4)

# ---- knots of rates: one row a segment, floats
K_START, K_LENGTH, K_RATE, K_SLOPE = range(4)  # ns, ns, requests/ns, requests/ns²
KNOT_COLUMNS = 4

# ---- routes: offset into targets, number of targets
T_OFFSET, T_COUNT = range(2)

# ---- scalars
(
    S_NOW,
    S_HEAP,  # heap size
    S_FREE,  # first free request, NONE
    S_TODO,  # items on the to-do stack
    S_SIGNAL_REV,
    S_SIGNAL_ACT,
    S_SERVED,  # events processed, for bench and tests
    S_NO_ROUTE,  # requests answered 404 by the gateway since the last harvest
    S_ACTIVATORS,  # rows of acts a revision has
    S_POD_ROWS,  # length of a row of load, endpoints, act_pods and client_pods; `advance` sets it
    S_NEW_FLOWS,  # 1: the flows have been written, `advance` finds their first arrivals
) = range(11)
SCALARS = 16

# ---- counters, one row per (revision, role) and one per (pod, role); role 0 entry, 1 inner
N_ARRIVED, N_STARTED, N_HIT, N_MISS, N_STALE, N_PROXIED, N_200, N_500, N_502, N_503, N_504, N_403 = range(12)
COUNTERS = 16
HIST_BUCKETS = 64 * 41  # up to 2^41 ns, 36 minutes: beyond any time-out; longer ones count in the last

# ---- payloads in the heap: kind << 56 | generation << 32 | row
EVENT_HOP, EVENT_POD_TIMER, EVENT_ACT_TIMER, EVENT_USER = range(4)
KIND_SHIFT, GEN_SHIFT = 56, 32
GEN_MASK = (1 << 24) - 1
ROW_MASK = (1 << 32) - 1
# the row of EVENT_USER is flow << USER_BITS | user
USER_BITS = 20
NO_USER = (1 << USER_BITS) - 1  # a request of an open-loop flow

# ---- work items on the to-do stack: kind << 40 | row
DO_ARRIVE, DO_ENTER, DO_CONTAINER, DO_START, DO_REPLY, DO_DEQUEUE, DO_CREATE, DO_NOTHING = range(8)
DO_SHIFT = 40

# ---- why `advance` returned
REACHED, FIRST_REQUEST, NEED_ROOM = range(3)
