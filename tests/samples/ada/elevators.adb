--  A lift in a house: it collects calls, and goes on in one direction while there are any.
with Ada.Text_IO;            use Ada.Text_IO;
with Ada.Containers.Ordered_Sets;

procedure Elevators is

   Lowest  : constant := -2;
   Highest : constant := 14;

   type Floor is range Lowest .. Highest;

   type Direction is (Up, Down, Still);

   type Door_State is (Open, Closing, Closed);

   type Cabin is record
      Here    : Floor      := 0;
      Going   : Direction  := Still;
      Door    : Door_State := Closed;
      Weight  : Natural    := 0;
   end record;

   package Floors is new Ada.Containers.Ordered_Sets (Floor);

   package Calls is
      procedure Press (Where : Floor);
      procedure Served (Where : Floor);
      function Above (Here : Floor) return Boolean;
      function Below (Here : Floor) return Boolean;
      function Waiting (Here : Floor) return Boolean;
   end Calls;

   package body Calls is

      Pressed : Floors.Set;

      procedure Press (Where : Floor) is
      begin
         Pressed.Include (Where);
      end Press;

      procedure Served (Where : Floor) is
      begin
         Pressed.Exclude (Where);
      end Served;

      function Above (Here : Floor) return Boolean is
      begin
         return not Pressed.Is_Empty and then Pressed.Last_Element > Here;
      end Above;

      function Below (Here : Floor) return Boolean is
      begin
         return not Pressed.Is_Empty and then Pressed.First_Element < Here;
      end Below;

      function Waiting (Here : Floor) return Boolean is
        (Pressed.Contains (Here));

   end Calls;

   function Heavy (C : Cabin) return Boolean is (C.Weight > 630);

   --  Where to, with what was pressed by now.
   function Choose (C : Cabin) return Direction is
   begin
      case C.Going is
         when Up =>
            return (if Calls.Above (C.Here) then Up
                    elsif Calls.Below (C.Here) then Down else Still);
         when Down | Still =>
            return (if Calls.Below (C.Here) then Down
                    elsif Calls.Above (C.Here) then Up else Still);
      end case;
   end Choose;

   procedure Step (C : in out Cabin) is

      procedure Open_Door is
      begin
         C.Door := Open;
         Put_Line ("doors open on" & Floor'Image (C.Here));
         Calls.Served (C.Here);
      end Open_Door;

   begin
      if Heavy (C) then
         Put_Line ("too heavy");
         return;
      end if;
      if Calls.Waiting (C.Here) then
         Open_Door;
         return;
      end if;
      C.Door  := Closed;
      C.Going := Choose (C);
      case C.Going is
         when Up    => C.Here := C.Here + 1;
         when Down  => C.Here := C.Here - 1;
         when Still => null;
      end case;
   end Step;

   Lift : Cabin;

begin
   Calls.Press (5);
   Calls.Press (-1);
   for Tick in 1 .. 20 loop
      Step (Lift);
   end loop;
end Elevators;
