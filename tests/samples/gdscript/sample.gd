## A turret that finds the nearest enemy, turns and fires.
@tool
class_name Turret
extends Node2D

signal fired(target)
signal emptied

enum Mode { IDLE, TRACKING, RELOADING }

const RANGE := 240.0
const SHOTS = 12

@export var damage: int = 5
@export var turn_speed: float = 3.0

var mode: Mode = Mode.IDLE
var shots := SHOTS
var _target: Node2D = null

@onready var barrel: Sprite2D = $Barrel
@onready var timer = $ReloadTimer


class Shot:
	var from: Vector2
	var to: Vector2

	func _init(start: Vector2, end: Vector2):
		from = start
		to = end

	func length() -> float:
		return from.distance_to(to)


func _ready() -> void:
	timer.timeout.connect(_on_reloaded)
	add_to_group("turrets")


func _process(delta: float) -> void:
	match mode:
		Mode.IDLE:
			_target = find_target(get_tree().get_nodes_in_group("enemies"))
			if _target:
				mode = Mode.TRACKING
		Mode.TRACKING:
			turn(delta)
			if is_aimed():
				fire()
		Mode.RELOADING:
			pass


# The nearest enemy in range, or null.
func find_target(enemies: Array) -> Node2D:
	var nearest: Node2D = null
	var best := RANGE
	for enemy in enemies:
		var distance := global_position.distance_to(enemy.global_position)
		if distance < best:
			best = distance
			nearest = enemy
	return nearest


func turn(delta: float) -> void:
	if not is_instance_valid(_target):
		mode = Mode.IDLE
		return
	var wanted := (_target.global_position - global_position).angle()
	barrel.rotation = lerp_angle(barrel.rotation, wanted, turn_speed * delta)


func is_aimed(tolerance := 0.05) -> bool:
	var wanted := (_target.global_position - global_position).angle()
	return abs(angle_difference(barrel.rotation, wanted)) < tolerance


func fire() -> void:
	if shots == 0:
		reload()
		return
	shots -= 1
	var shot := Shot.new(global_position, _target.global_position)
	if shot.length() <= RANGE:
		_target.call("hurt", damage)
		fired.emit(_target)


func reload() -> void:
	mode = Mode.RELOADING
	emptied.emit()
	timer.start()


func _on_reloaded() -> void:
	shots = SHOTS
	mode = Mode.IDLE


static func total_damage(turrets: Array) -> int:
	return turrets.reduce(func(sum, turret): return sum + turret.damage * turret.shots, 0)
