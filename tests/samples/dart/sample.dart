/// A small shopping list: items, filters and a store that can be listened to.
library shopping;

import 'dart:async';
import 'dart:convert' show jsonDecode, jsonEncode;

import 'package:meta/meta.dart' as meta;

part 'shopping.g.dart';

const int maxItems = 200;
final pattern = RegExp(r'^(\d+)\s*x\s*(.+)$');

typedef Filter = bool Function(Item item);

enum Shelf {
  fruit('Fruit'),
  bread('Bread'),
  other('Other');

  const Shelf(this.label);
  final String label;

  bool get isFresh => this == Shelf.fruit || this == Shelf.bread;
}

mixin Counted on Object {
  int _count = 0;

  void touch() {
    _count++;
  }
}

/// Something to buy.
@meta.immutable
class Item implements Comparable<Item> {
  const Item(this.name, {this.amount = 1, this.shelf = Shelf.other});

  Item.single(String name) : this(name);

  factory Item.parse(String line) {
    final match = pattern.firstMatch(line);
    if (match == null) {
      return Item.single(line.trim());
    }
    return Item(match.group(2)!, amount: int.parse(match.group(1)!));
  }

  final String name;
  final int amount;
  final Shelf shelf;

  Map<String, Object> toJson() => {'name': name, 'amount': amount};

  @override
  int compareTo(Item other) => name.compareTo(other.name);

  Item operator +(int more) {
    return Item(name, amount: amount + more, shelf: shelf);
  }
}

abstract class Store<T extends Comparable<T>> {
  Future<List<T>> load();

  Future<void> save(List<T> items);

  static Store<Item> memory() => _MemoryStore();
}

class _MemoryStore extends Store<Item> with Counted {
  String _text = '[]';

  @override
  Future<List<Item>> load() async {
    touch();
    final rows = jsonDecode(_text) as List;
    return [for (final row in rows) Item(row['name'] as String, amount: row['amount'] as int)];
  }

  @override
  Future<void> save(List<Item> items) async {
    _text = jsonEncode(items);
  }
}

class ShoppingList {
  ShoppingList(this._store);

  final Store<Item> _store;
  final _changes = StreamController<int>.broadcast();
  List<Item> _items = [];

  Stream<int> get changes => _changes.stream;

  set items(List<Item> items) {
    _items = [...items]..sort();
    _changes.add(_items.length);
  }

  Future<void> add(String line) async {
    if (_items.length >= maxItems) {
      throw StateError('the list is full');
    }
    items = [..._items, Item.parse(line)];
    await _store.save(_items);
  }

  Iterable<Item> where(Filter filter) sync* {
    for (final item in _items) {
      if (filter(item)) yield item;
    }
  }
}

extension Totals on Iterable<Item> {
  int get total => fold(0, (sum, item) => sum + item.amount);
}

String describe(ShoppingList list, {Filter? filter}) {
  String line(Item item) => '${item.amount} x ${item.name}';

  return list.where(filter ?? (_) => true).map(line).join('\n');
}

Future<void> main(List<String> arguments) async {
  final list = ShoppingList(Store.memory());
  list.changes.listen((count) => print('$count items'));
  await Future.wait(arguments.map(list.add));
  print(describe(list));
}

abstract interface class Basket {
  int get length;
  set owner(String name);
  bool operator ==(Object other);
  void empty();
}
