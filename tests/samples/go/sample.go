// Package queue is a bounded work queue with retries and a drain on close.
package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	clock "time"

	"example.com/shop/metrics"
)

// ErrFull is returned when no room is left.
var ErrFull = errors.New("queue: full")

const defaultSize = 64

const (
	StateIdle State = iota
	StateRunning
	StateClosed
)

var (
	mu     sync.Mutex
	queues = map[string]*Queue[any]{}
)

// State is what a queue is doing.
type State int

type (
	// Handler does the work of one item.
	Handler[T any] func(ctx context.Context, item T) error

	// Option changes a queue before it starts.
	Option func(*settings)
)

type settings struct {
	size    int
	retries int
	backoff clock.Duration
}

// Sink receives items that failed for good.
type Sink interface {
	Drop(item any, err error)
}

// Queue runs a handler over items in order.
type Queue[T any] struct {
	settings
	items   chan T
	handler Handler[T]
	wg      sync.WaitGroup
	once    sync.Once
	state   State
	sink    Sink
}

// WithSize sets how many items may wait.
func WithSize(size int) Option {
	return func(s *settings) { s.size = size }
}

func WithRetries(retries int, backoff clock.Duration) Option {
	return func(s *settings) {
		s.retries = retries
		s.backoff = backoff
	}
}

// New starts a queue; stop it with Close.
func New[T any](ctx context.Context, handler Handler[T], options ...Option) *Queue[T] {
	made := &Queue[T]{settings: settings{size: defaultSize}, handler: handler}
	for _, option := range options {
		option(&made.settings)
	}
	made.items = make(chan T, made.size)
	made.wg.Add(1)
	go made.run(ctx)
	return made
}

// Push adds an item or says why it cannot.
func (q *Queue[T]) Push(item T) error {
	select {
	case q.items <- item:
		metrics.Count("queue.pushed")
		return nil
	default:
		return fmt.Errorf("push: %w", ErrFull)
	}
}

func (q *Queue[T]) run(ctx context.Context) {
	defer q.wg.Done()
	q.state = StateRunning
	for {
		select {
		case <-ctx.Done():
			return
		case item, open := <-q.items:
			if !open {
				return
			}
			if err := q.attempt(ctx, item); err != nil && q.sink != nil {
				q.sink.Drop(item, err)
			}
		}
	}
}

func (q *Queue[T]) attempt(ctx context.Context, item T) (err error) {
	for try := 0; try <= q.retries; try++ {
		if err = q.handler(ctx, item); err == nil {
			return nil
		}
		if !sleep(ctx, q.backoff) {
			return errors.Join(err, ctx.Err())
		}
	}
	return err
}

// Close waits for the items that were accepted.
func (q *Queue[T]) Close() {
	q.once.Do(func() {
		close(q.items)
		q.wg.Wait()
		q.state = StateClosed
	})
}

func (s State) String() string {
	return [...]string{"idle", "running", "closed"}[s]
}

func sleep(ctx context.Context, pause clock.Duration) bool {
	timer := clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func init() {
	mu.Lock()
	defer mu.Unlock()
	queues["default"] = New(context.Background(), func(context.Context, any) error { return nil })
}

// Store is a sink that can be read again.
type Store interface {
	Sink
	io.Closer
	Load(ctx context.Context, key string) (
		item any, err error,
	)
	Size() int
	visit(func(item any) interface{ Stop() })
}

type number interface{ ~int | ~float64 }

type holder struct {
	inner interface{ Flush() error }
}
