// An event bus with middleware, replay and a tiny store on top of it.
'use strict';

import fs from 'node:fs';
import { join as joinPath, dirname } from 'node:path';
import * as timers from './timers.js';

const DEFAULT_LIMIT = 100;
let counter = 0;

const registry = {
  names: [],

  add(name) {
    this.names.push(name);
    return this;
  },

  find: (name) => registry.names.indexOf(name),
};

/**
 * Gives each event a number that grows.
 */
function nextId(prefix = 'event') {
  counter += 1;
  return `${prefix}-${counter}`;
}

function* replay(events, { from = 0, until = Infinity } = {}) {
  for (const [index, event] of events.entries()) {
    if (index >= from && index < until) {
      yield event;
    }
  }
}

export class Bus {
  static instances = 0;
  #handlers = new Map();
  limit = DEFAULT_LIMIT;

  onError = (error) => {
    console.error(error.message);
  };

  constructor(limit = DEFAULT_LIMIT) {
    this.limit = limit;
    this.history = [];
    Bus.instances += 1;
  }

  get size() {
    return this.history.length;
  }

  set size(value) {
    this.history.length = value;
  }

  on(type, handler) {
    const known = this.#handlers.get(type) ?? [];
    this.#handlers.set(type, [...known, handler]);
    return () => this.off(type, handler);
  }

  off(type, handler) {
    const kept = (this.#handlers.get(type) ?? []).filter((each) => each !== handler);
    this.#handlers.set(type, kept);
  }

  async emit(type, payload) {
    const event = { id: nextId(type), type, payload };
    this.#remember(event);
    for (const handler of this.#handlers.get(type) ?? []) {
      try {
        await handler(event);
      } catch (error) {
        this.onError(error);
      }
    }
    return event;
  }

  #remember(event) {
    this.history.push(event);
    if (this.history.length > this.limit) {
      this.history.shift();
    }
  }

  static [Symbol.hasInstance](value) {
    return typeof value?.emit === 'function';
  }
}

class LoggedBus extends Bus {
  constructor(folder) {
    super();
    this.path = joinPath(folder, 'events.log');
  }

  async emit(type, payload) {
    const event = await super.emit(type, payload);
    fs.mkdirSync(dirname(this.path), { recursive: true });
    fs.appendFileSync(this.path, JSON.stringify(event) + '\n');
    return event;
  }
}

const throttle = (handler, milliseconds) => {
  let last = 0;
  return function throttled(...args) {
    const now = timers.now();
    if (now - last >= milliseconds) {
      last = now;
      handler.apply(this, args);
    }
  };
};

const compose = function (...steps) {
  return steps.reduce((left, right) => (value) => right(left(value)));
};

Bus.prototype.once = function (type, handler) {
  const stop = this.on(type, (event) => {
    stop();
    return handler(event);
  });
};

export default function createStore(initial, reducers) {
  const bus = new Bus();
  let state = initial;

  function dispatch(type, payload) {
    state = reducers[type](state, payload);
    return bus.emit(type, state);
  }

  return {
    dispatch,
    watch: throttle(bus.on.bind(bus), 50),
    read: () => state,
  };
}

export { LoggedBus, compose, registry, replay };
