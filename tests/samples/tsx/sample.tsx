/** A small board of tasks: filters, an editor and a list. */
import { memo, useCallback, useMemo, useState, type ReactNode } from 'react';
import { Button } from './button';
import styles from './board.module.css';

export type Status = 'open' | 'done';

export interface Task {
  id: string;
  title: string;
  status: Status;
}

interface BoardProps {
  tasks: Task[];
  onToggle(id: string): void;
  children?: ReactNode;
}

const FILTERS: Record<string, (task: Task) => boolean> = {
  all: () => true,
  open: (task) => task.status === 'open',
  done: (task) => task.status === 'done',
};

function count(tasks: Task[], status: Status): number {
  return tasks.filter((task) => task.status === status).length;
}

function useFilter(tasks: Task[]) {
  const [name, setName] = useState('all');
  const shown = useMemo(() => tasks.filter(FILTERS[name] ?? FILTERS.all), [tasks, name]);
  return { name, setName, shown };
}

const Row = memo(function Row({ task, onToggle }: { task: Task; onToggle: (id: string) => void }) {
  const toggle = useCallback(() => onToggle(task.id), [onToggle, task.id]);
  return (
    <li className={styles.row} data-status={task.status}>
      <label>
        <input type="checkbox" checked={task.status === 'done'} onChange={toggle} />
        <span>{task.title}</span>
      </label>
    </li>
  );
});

function Filters<T extends string>({ names, chosen, onChoose }: {
  names: readonly T[];
  chosen: T;
  onChoose: (name: T) => void;
}) {
  return (
    <nav className={styles.filters}>
      {names.map((name) => (
        <Button key={name} pressed={name === chosen} onPress={() => onChoose(name)}>
          {name}
        </Button>
      ))}
    </nav>
  );
}

const Editor = ({ onAdd }: { onAdd: (title: string) => void }) => {
  const [title, setTitle] = useState('');

  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (title.trim()) {
      onAdd(title.trim());
      setTitle('');
    }
  };

  return (
    <form onSubmit={submit} className={styles.editor}>
      <input value={title} onChange={(event) => setTitle(event.target.value)} />
      <Button type="submit" disabled={!title}>
        Add
      </Button>
    </form>
  );
};

export class Boundary extends React.Component<{ children: ReactNode }, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  render() {
    if (this.state.failed) {
      return <p role="alert">The board could not be drawn.</p>;
    }
    return this.props.children;
  }
}

export default function Board({ tasks, onToggle, children }: BoardProps) {
  const { name, setName, shown } = useFilter(tasks);
  const names = Object.keys(FILTERS);

  return (
    <Boundary>
      <header>
        <h1>{count(tasks, 'open')} open</h1>
        <Filters names={names} chosen={name} onChoose={setName} />
      </header>
      <ul>
        {shown.map((task) => (
          <Row key={task.id} task={task} onToggle={onToggle} />
        ))}
      </ul>
      <Editor onAdd={(title) => console.log(title)} />
      {children}
    </Boundary>
  );
}
