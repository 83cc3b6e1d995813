package sky;

import haxe.Timer;
import haxe.ds.StringMap;

using StringTools;

/** How strong a wind is, and from where. **/
typedef Wind = {
	var speed:Float;
	var from:Float;
}

interface Flying {
	public function step(wind:Wind, seconds:Float):Void;
	public function height():Float;
}

class Line {
	public var length:Float;

	var most:Float;

	public function new(length:Float, most:Float) {
		this.length = length;
		this.most = most;
	}

	public function pull(by:Float):Float {
		length = Math.max(1, length - by);
		return length;
	}

	public function give(by:Float):Float {
		length = Math.min(most, length + by);
		return length;
	}

	public function breaks(force:Float):Bool {
		return force > 400;
	}
}

class Kite implements Flying {
	static inline var GRAVITY = 9.81;

	public var name:String;

	var area:Float;
	var mass:Float;
	var angle:Float;
	var line:Line;

	public function new(name:String, area:Float, mass:Float) {
		this.name = name;
		this.area = area;
		this.mass = mass;
		this.angle = 0.3;
		this.line = new Line(20, 80);
	}

	public static function small(name:String):Kite {
		return new Kite(name, 0.6, 0.2);
	}

	// Lift grows with the square of the wind.
	function lift(wind:Wind):Float {
		return 0.6 * area * wind.speed * wind.speed;
	}

	public function step(wind:Wind, seconds:Float):Void {
		var up = lift(wind) - mass * GRAVITY;
		if (up > 0) {
			angle = Math.min(1.4, angle + 0.1 * seconds);
		} else {
			angle = Math.max(0, angle - 0.2 * seconds);
		}
		if (line.breaks(up)) {
			angle = 0;
		}
	}

	public function height():Float {
		return line.length * Math.sin(angle);
	}

	public function describe():String {
		return name.trim() + " at " + Std.string(Math.round(height()));
	}
}

class Festival {
	var kites:StringMap<Kite>;

	public function new() {
		kites = new StringMap<Kite>();
	}

	public function add(kite:Kite):Void {
		kites.set(kite.name, kite);
	}

	public function blow(wind:Wind):Void {
		for (kite in kites) {
			kite.step(wind, 0.5);
		}
	}

	static function main() {
		var festival = new Festival();
		festival.add(Kite.small("red"));
		festival.blow({speed: 6.0, from: 270.0});
	}
}
