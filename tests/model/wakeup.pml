/* SPDX-License-Identifier: MIT */
/*
 * The wake-up protocol of one queue pair, as implemented: one client, the home's worker, and between
 * them memory as x86 has it (TSO): each processor's stores wait in a buffer of its own, in order,
 * and become visible some time later. Loads do not wait. A fence, and an atomic exchange, waits
 * until the own buffer is empty. (No load here has to look into the own buffer, but one that says so:
 * each side keeps its own indices in private copies and never reads them back.)
 *
 *	model			source
 *	client: publish		lib/queue.c publish(): a kick that is due without the fence is due
 *	kick()			engine/sched.c millrace_sched_kick(), then the home wakes its worker
 *	client: sleep		lib: socket_sleep(), kernel: ENTER: arm, look again, wait
 *	worker: collect		engine/sched.c collect()
 *	worker: sweep		engine/sched.c sweep()
 *	worker: turn		engine/turn.c take(), engine/sched.c turn(), after()
 *	worker: rest, cool	engine/sched.c rest(), cool(), ask_for_kick(), check_windows()
 *	worker: flush		engine/turn.c millrace_turn_flush(), publish(), after the event index
 *	worker: settle		engine/sched.c millrace_sched_settle(), millrace_sched_waiting()
 *	client: turn_inline	kernel/core/enter.c run_inline(), millrace_sched_run_inline()
 *	due()			ring/event.h millrace_event_due()
 *
 * With INLINE the home is a kernel's whose driver allows it: a kick may be a turn in the client's own
 * call, when the run lock is free and nobody is waiting. At the end of that turn the event index is
 * stored with no fence (F) and no second look behind it: between the two a client would have to
 * publish, and it is in that call. Who looks at the index next is the client itself, whose processor
 * shows it its own stores in order.
 *
 * Rings of two entries, indices modulo 8 that start two before the wrap, COMMANDS commands, more than
 * fit, in groups of one or two. What is checked: no side sleeps for ever while there is work for it (no invalid end
 * state), each command completes exactly once and in order, no ring ever holds more than its
 * entries. Taking out a fence, the second look or a sticky flag must break it: tests/model/run.
 */
#ifndef COMMANDS
#define COMMANDS 4
#endif
#define ENTRIES 2
#define INDEX 8 /* indices are modulo this */
#define START 6
#define mod(x) ((x) & (INDEX - 1))
#define due(event, before, now) (mod((now) - (event) - 1) < mod((now) - (before)))
#define disarmed(index) mod((index) + INDEX / 2)

/* Memory. Each word has one writer. */
#define SQ_TAIL 0
#define CQ_HEAD 1
#define CQ_EVENT 2
#define SQ_HEAD 3
#define CQ_TAIL 4
#define SQ_EVENT 5
#define SQE 6 /* and 7: id of the command + 16 * length of the group */
#define CQE 8 /* and 9: id of the command */
#define RUN 10 /* the run lock: kernel/core/worker.c millrace_run_lock() */
byte mem[11];

/*
 * A client may break the second rule of the ring contract (uapi/millrace.h) if it kicks after it has
 * made room: the worker then finds no room in the CQ and waits for that kick.
 */
#ifdef OVERCOMMIT
#define has_room(n) true
#else
#define has_room(n) (mod(n) <= ENTRIES)
#endif

#define CLIENT 0
#define WORKER 1
chan buffer[2] = [5] of { byte, byte };

#define store(who, where, what) buffer[who]!where, what
#define fence(who) empty(buffer[who])

/* place.is_kicked and whether the session is on the stack q->kicked: atomic words, never buffered. */
bit is_kicked, is_pushed;
/*
 * The worker's fields of the session, of whoever holds the run lock: millrace_consumer sq,
 * millrace_producer cq, place. Then the turn that is on: how many commands were taken, the last one's
 * id, and whether there was no room for them.
 */
byte head = START, tail = START;
byte cq_tail = START, cq_head = START;
bit is_ready, is_hot;
byte group, last;
bit stalled;

#ifdef INLINE
/* An atomic operation; and a store that nothing waits for, as weak as an unlock may be. */
#define lock(who) atomic { fence(who) && !mem[RUN] -> mem[RUN] = 1 }
#define unlock(who) store(who, RUN, 0)
#else
#define lock(who) skip
#define unlock(who) skip
#endif

/* What the two sleep on: eventfd, pipe or wait queue. Each remembers that it was rung. */
bit worker_bell, client_bell;
bit worker_asleep, client_asleep;

/* For the proof only: who has really read and written what. */
byte submitted, completed;

proctype processor_of_client()
{
	byte where, what;
end:	do
	:: d_step { buffer[CLIENT]?where, what -> mem[where] = what; where = 0; what = 0 }
	od
}

proctype processor_of_worker()
{
	byte where, what;
end:	do
	:: d_step { buffer[WORKER]?where, what -> mem[where] = what; where = 0; what = 0 }
	od
}

#ifdef NO_STICKY
/* A bell that only a sleeper hears. */
#define ring_worker() if :: worker_asleep -> worker_bell = 1 :: else fi
#define ring_client() if :: client_asleep -> client_bell = 1 :: else fi
#else
#define ring_worker() worker_bell = 1
#define ring_client() client_bell = 1
#endif

/* take(): a group, if one is there and has room. */
inline take(who)
{
	if
	:: tail == head ->
		tail = mem[SQ_TAIL]; /* (B) */
		assert(mod(tail - head) <= ENTRIES)
	:: else
	fi;
	if
	:: tail != head ->
		group = mem[SQE + (head & 1)] / 16;
		assert(group >= 1 && group <= mod(tail - head));
		if
		:: mod(head + group - cq_head) > ENTRIES ->
			cq_head = mem[CQ_HEAD] /* (D) */
		:: else
		fi;
#ifdef OVERCOMMIT
		stalled = mod(head + group - cq_head) > ENTRIES;
#endif
		if
		:: stalled -> group = 0
		:: else ->
			/* A client that keeps the contract finds room for what it sent. */
			assert(mod(head + group - cq_head) <= ENTRIES);
			atomic {
				last = mem[SQE + (mod(head + group - 1) & 1)] & 15;
				head = mod(head + group);
				store(who, SQ_HEAD, head) /* (C) */
			}
		fi
	:: else
	fi
}

/* millrace_turn_flush(), publish(): the completions of this turn, if any. */
inline flush(who)
{
	if
	:: group > 0 ->
		atomic {
			if
			:: group == 2 -> store(who, CQE + (cq_tail & 1), last - 1)
			:: else
			fi;
			store(who, CQE + (mod(cq_tail + group - 1) & 1), last);
			last = 0;
			cq_tail = mod(cq_tail + group);
			store(who, CQ_TAIL, cq_tail) /* (A) */
		}
#ifndef NO_FENCE_E_WORKER
		fence(who); /* (E) */
#endif
		event = mem[CQ_EVENT];
		if
		:: due(event, mod(cq_tail - group), cq_tail) -> atomic { ring_client() }
		:: else
		fi;
		event = 0;
		group = 0
	:: else
	fi
}

inline kick_worker()
{
	/* The exchange: full order, so everything published is visible before. */
	atomic {
		fence(CLIENT) -> was_kicked = is_kicked; is_kicked = 1
	}
	if
	:: was_kicked
	:: else ->
		is_pushed = 1;
		atomic { ring_worker() }
	fi;
	was_kicked = 0
}

#ifdef INLINE
/* In the client's call, with the run lock; nobody is waiting, and it is not polled. */
inline turn_inline()
{
	take(CLIENT);
	if
	:: stalled ->
		stalled = 0;
		own_event = tail;
		store(CLIENT, SQ_EVENT, tail);
		fence(CLIENT)
	:: !stalled && group > 0 && (tail != head || mem[SQ_TAIL] != tail) ->
		is_ready = 1 /* after(): there is more, for the worker */
	:: else ->
		/* All is taken that the client has published: it is here, and publishes no more. */
		assert(tail == head && mem[SQ_TAIL] == tail);
#ifndef NO_EVENT_INLINE
		own_event = head;
		store(CLIENT, SQ_EVENT, head); /* no (F) */
#endif
		skip
	fi;
	flush(CLIENT)
}

inline kick()
{
	if
	:: kick_worker() /* it does not wait, or the lock is not free */
	:: atomic { fence(CLIENT) && !mem[RUN] -> mem[RUN] = 1 };
		if
		:: !is_pushed && !is_ready && !is_hot ->
			turn_inline();
			left = is_ready;
			unlock(CLIENT);
			if
			:: left -> left = 0; atomic { ring_worker() }
			:: else
			fi
		:: else ->
			unlock(CLIENT);
			kick_worker()
		fi
	fi
}

/* The one load of a word that may wait in the own buffer: an inline turn may just have stored it. */
#define load_event()                                                                               \
	atomic {                                                                                   \
		if                                                                                 \
		:: buffer[CLIENT]??[SQ_EVENT, _] -> event = own_event                              \
		:: else -> event = mem[SQ_EVENT]                                                   \
		fi                                                                                 \
	}
#else
#define kick() kick_worker()
#define load_event() event = mem[SQ_EVENT]
#endif

proctype client()
{
	byte sq_tail = START, sq_head = START; /* millrace_producer sq */
	byte taken_to = START, seen_to = START; /* millrace_consumer cq: head, tail */
	byte n, event;
	bit was_kicked;
#ifdef INLINE
	byte own_event; /* sq_event as stored last by an inline turn */
	bit left;
#endif

	do
	:: submitted < COMMANDS ->
		/* Reserve: no more than the SQ has room for, nor the CQ for the completions. */
		atomic {
			if
			:: n = 1
			:: submitted + 2 <= COMMANDS -> n = 2
			fi;
			sq_head = mem[SQ_HEAD] /* (D) */
		}
		if
		:: mod(sq_tail - sq_head) + n <= ENTRIES && has_room(sq_tail + n - taken_to) ->
			atomic { /* the stores; each still becomes visible by itself */
				store(CLIENT, SQE + (sq_tail & 1), submitted + 16 * n);
				if
				:: n == 2 ->
					store(CLIENT, SQE + (mod(sq_tail + 1) & 1), submitted + 1)
				:: else
				fi;
				sq_tail = mod(sq_tail + n);
				submitted = submitted + n;
				store(CLIENT, SQ_TAIL, sq_tail) /* (A) */
			}
			/* Asked for by what is seen already: a kick too many does no harm. */
			load_event();
			if
			:: due(event, mod(sq_tail - n), sq_tail) -> kick()
			:: else ->
#ifndef NO_FENCE_E_CLIENT
				fence(CLIENT); /* (E) */
#endif
				load_event();
				if
				:: due(event, mod(sq_tail - n), sq_tail) -> kick()
				:: else
				fi
			fi;
			event = 0
		:: else
		fi;
		n = 0
	:: mod(seen_to - taken_to) > 0 ->
		/* Take one completion. */
		atomic {
			assert(mem[CQE + (taken_to & 1)] == completed);
			completed++;
			taken_to = mod(taken_to + 1);
			store(CLIENT, CQ_HEAD, taken_to) /* (C) */
		}
#ifdef OVERCOMMIT
		kick()
#endif
	:: seen_to == taken_to && completed < submitted ->
		seen_to = mem[CQ_TAIL]; /* (B) */
		assert(mod(seen_to - taken_to) <= ENTRIES)
	:: seen_to == taken_to && completed < submitted ->
		/* Sleep until there are as many completions as are wanted. */
		if
		:: n = 1
#ifndef OVERCOMMIT /* it must take what is there, to make room */
		:: submitted - completed >= 2 -> n = 2
#endif
		fi;
again:		store(CLIENT, CQ_EVENT, mod(taken_to + n - 1));
#ifndef NO_FENCE_F_CLIENT
		fence(CLIENT); /* (F) */
#endif
#ifndef NO_RECHECK_CLIENT
		seen_to = mem[CQ_TAIL];
#endif
		if
		:: mod(seen_to - taken_to) < n ->
			client_asleep = 1;
			atomic { client_bell -> client_bell = 0; client_asleep = 0 }
			seen_to = mem[CQ_TAIL];
			if
			:: mod(seen_to - taken_to) < n -> goto again
			:: else
			fi
		:: else
		fi;
		n = 0
	:: completed == COMMANDS -> break
	od
}

proctype worker()
{
	byte event;
	bit poll;

	do
	:: 1 ->
		lock(WORKER);
		/* collect() */
		if
		:: is_pushed ->
			is_pushed = 0;
#ifndef LATE_CLEAR
			atomic { fence(WORKER) -> is_kicked = 0 }
#endif
			is_ready = 1
		:: else
		fi;
		/* sweep() */
		if
		:: is_hot && !is_ready && mem[SQ_TAIL] != tail -> is_ready = 1
		:: else
		fi;
		if
		:: is_ready ->
			is_ready = 0;
			take(WORKER);
			if
			:: stalled ->
				/* after(), -EAGAIN */
				stalled = 0;
				is_hot = 0;
				store(WORKER, SQ_EVENT, tail);
				goto late
			:: !stalled && group > 0 && (tail != head || mem[SQ_TAIL] != tail) ->
				/* turn(), after(): there is more, to the back of the FIFO */
				is_ready = 1;
				goto flush_now
			:: else -> goto rest
			fi
		:: else ->
			if
			:: is_hot ->
				/* settle(): its window may be over, or not */
				if
				:: 1
				:: goto cool
				fi
			:: else ->
				/* settle() said that the worker may sleep. */
				unlock(WORKER);
				worker_asleep = 1;
end_asleep:			atomic { worker_bell -> worker_bell = 0; worker_asleep = 0 }
				goto next
			fi
		fi;
		goto late;
rest:		/* rest(): stay hot, become hot, or cool */
		if
		:: is_hot -> goto flush_now
		:: !is_hot -> goto flush_and_poll
		:: !is_hot -> goto cool
		fi;
cool:		/* cool(), ask_for_kick() */
		is_hot = 0;
		store(WORKER, SQ_EVENT, head);
#ifndef NO_FENCE_F_WORKER
		fence(WORKER); /* (F) */
#endif
#ifndef NO_RECHECK_WORKER
		if
		:: mem[SQ_TAIL] != tail -> is_ready = 1
		:: else
		fi;
#endif
		goto flush_now;
flush_and_poll:	is_hot = 1;
		poll = 1;
flush_now:	flush(WORKER);
		if
		:: poll -> poll = 0; store(WORKER, SQ_EVENT, disarmed(head))
		:: else
		fi;
late:
#ifdef LATE_CLEAR
		atomic { fence(WORKER) -> is_kicked = 0 }
#endif
		unlock(WORKER);
next:		skip
	od
}

init
{
	/* engine/session.c init_rings() */
	d_step {
		mem[SQ_TAIL] = START;
		mem[SQ_HEAD] = START;
		mem[SQ_EVENT] = START;
		mem[CQ_TAIL] = START;
		mem[CQ_HEAD] = START;
		mem[CQ_EVENT] = disarmed(START)
	}
	atomic {
		run processor_of_client();
		run processor_of_worker();
		run client();
		run worker()
	}
}
