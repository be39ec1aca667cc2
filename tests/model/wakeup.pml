/* SPDX-License-Identifier: MIT */
/*
 * The wake-up protocol of one queue pair, as implemented: one client, the home's worker, and between
 * them memory as x86 has it (TSO): each processor's stores wait in a buffer of its own, in order,
 * and become visible some time later. Loads do not wait. A fence, and an atomic exchange, waits
 * until the own buffer is empty. (No load here has to look into the own buffer: each side keeps its
 * own indices in private copies and never reads them back.)
 *
 *	model			source
 *	client: publish		lib: millrace_producer_publish(), millrace_event_check()
 *	kick()			engine/sched.c millrace_sched_kick(), then the home wakes its worker
 *	client: sleep		lib: socket_sleep(), kernel: ENTER: arm, look again, wait
 *	worker: collect		engine/sched.c collect()
 *	worker: sweep		engine/sched.c sweep()
 *	worker: turn		engine/turn.c take(), engine/sched.c turn(), after()
 *	worker: rest, cool	engine/sched.c rest(), cool(), ask_for_kick(), check_windows()
 *	worker: flush		engine/turn.c millrace_turn_flush(), publish(), after the event index
 *	worker: settle		engine/sched.c millrace_sched_settle(), millrace_sched_waiting()
 *	due()			ring/event.h millrace_event_due()
 *
 * Rings of two entries, indices modulo 8 that start two before the wrap, COMMANDS commands, more than fit, in groups
 * of one or two. What is checked: no side sleeps for ever while there is work for it (no invalid end
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
byte mem[10];

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
chan buffer[2] = [4] of { byte, byte };

#define store(who, where, what) buffer[who]!where, what
#define fence(who) empty(buffer[who])

/* place.is_kicked and whether the session is on the stack q->kicked: atomic words, never buffered. */
bit is_kicked, is_pushed;
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

inline kick()
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

proctype client()
{
	byte sq_tail = START, sq_head = START, cq_head = START, cq_tail = START;
	byte n, event;
	bit was_kicked;

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
		:: mod(sq_tail - sq_head) + n <= ENTRIES && has_room(sq_tail + n - cq_head) ->
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
#ifndef NO_FENCE_E_CLIENT
			fence(CLIENT); /* (E) */
#endif
			event = mem[SQ_EVENT];
			if
			:: due(event, mod(sq_tail - n), sq_tail) -> kick()
			:: else
			fi;
			event = 0
		:: else
		fi;
		n = 0
	:: mod(cq_tail - cq_head) > 0 ->
		/* Take one completion. */
		atomic {
			assert(mem[CQE + (cq_head & 1)] == completed);
			completed++;
			cq_head = mod(cq_head + 1);
			store(CLIENT, CQ_HEAD, cq_head) /* (C) */
		}
#ifdef OVERCOMMIT
		kick()
#endif
	:: cq_tail == cq_head && completed < submitted ->
		cq_tail = mem[CQ_TAIL]; /* (B) */
		assert(mod(cq_tail - cq_head) <= ENTRIES)
	:: cq_tail == cq_head && completed < submitted ->
		/* Sleep until there are as many completions as are wanted. */
		if
		:: n = 1
#ifndef OVERCOMMIT /* it must take what is there, to make room */
		:: submitted - completed >= 2 -> n = 2
#endif
		fi;
again:		store(CLIENT, CQ_EVENT, mod(cq_head + n - 1));
#ifndef NO_FENCE_F_CLIENT
		fence(CLIENT); /* (F) */
#endif
#ifndef NO_RECHECK_CLIENT
		cq_tail = mem[CQ_TAIL];
#endif
		if
		:: mod(cq_tail - cq_head) < n ->
			client_asleep = 1;
			atomic { client_bell -> client_bell = 0; client_asleep = 0 }
			cq_tail = mem[CQ_TAIL];
			if
			:: mod(cq_tail - cq_head) < n -> goto again
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
	byte head = START, tail = START; /* millrace_consumer sq */
	byte cq_tail = START, cq_head = START; /* millrace_producer cq */
	byte n, i, event;
	bit is_ready, is_hot, poll;

	do
	:: 1 ->
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
			/* take() */
			if
			:: tail == head ->
				tail = mem[SQ_TAIL]; /* (B) */
				assert(mod(tail - head) <= ENTRIES)
			:: else
			fi;
			if
			:: tail != head ->
				n = mem[SQE + (head & 1)] / 16;
				assert(n >= 1 && n <= mod(tail - head));
				if
				:: mod(head + n - cq_head) > ENTRIES ->
					cq_head = mem[CQ_HEAD] /* (D) */
				:: else
				fi;
#ifdef OVERCOMMIT
				if
				:: mod(head + n - cq_head) > ENTRIES ->
					/* after(), -EAGAIN */
					n = 0;
					is_hot = 0;
					store(WORKER, SQ_EVENT, tail);
					goto late
				:: else
				fi;
#endif
				/* A client that keeps the contract finds room for what it sent. */
				assert(mod(head + n - cq_head) <= ENTRIES);
				atomic {
					i = mem[SQE + (mod(head + n - 1) & 1)] & 15;
					head = mod(head + n);
					store(WORKER, SQ_HEAD, head) /* (C) */
				}
				/* execute(); then turn(): is there more? */
				if
				:: tail != head || mem[SQ_TAIL] != tail ->
					is_ready = 1; /* after(): to the back of the FIFO */
					goto flush
				:: else -> goto rest
				fi
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
				worker_asleep = 1;
end_asleep:			atomic { worker_bell -> worker_bell = 0; worker_asleep = 0 }
			fi
		fi;
		goto late;
rest:		/* rest(): stay hot, become hot, or cool */
		if
		:: is_hot -> goto flush
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
		goto flush;
flush_and_poll:	is_hot = 1;
		poll = 1;
flush:		/* millrace_turn_flush(), publish(): the completions of this turn, if any */
		if
		:: n > 0 ->
			atomic {
				if
				:: n == 2 -> store(WORKER, CQE + (cq_tail & 1), i - 1)
				:: else
				fi;
				store(WORKER, CQE + (mod(cq_tail + n - 1) & 1), i);
				i = 0;
				cq_tail = mod(cq_tail + n);
				store(WORKER, CQ_TAIL, cq_tail) /* (A) */
			}
#ifndef NO_FENCE_E_WORKER
			fence(WORKER); /* (E) */
#endif
			event = mem[CQ_EVENT];
			if
			:: due(event, mod(cq_tail - n), cq_tail) -> atomic { ring_client() }
			:: else
			fi;
			event = 0;
			n = 0
		:: else
		fi;
		if
		:: poll -> poll = 0; store(WORKER, SQ_EVENT, disarmed(head))
		:: else
		fi;
late:
#ifdef LATE_CLEAR
		atomic { fence(WORKER) -> is_kicked = 0 }
#endif
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
