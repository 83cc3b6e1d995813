-- Lights at a crossing: two roads, a button for people on foot, and a night when all blink.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package traffic_types is
  type lamp is (red, amber, green, dark);
  type phase is (north, north_ends, east, east_ends, walk, night);

  function next_phase(now : phase; asked : boolean) return phase;
  procedure set_lamps(now : in phase; signal n, e : out lamp);
end package traffic_types;

package body traffic_types is
  function next_phase(now : phase; asked : boolean) return phase is
  begin
    case now is
      when north      => return north_ends;
      when north_ends =>
        if asked then
          return walk;
        end if;
        return east;
      when east       => return east_ends;
      when others     => return north;
    end case;
  end function next_phase;

  procedure set_lamps(now : in phase; signal n, e : out lamp) is
  begin
    n <= red;
    e <= red;
    case now is
      when north      => n <= green;
      when north_ends => n <= amber;
      when east       => e <= green;
      when east_ends  => e <= amber;
      when night      => n <= dark; e <= dark;
      when others     => null;
    end case;
  end procedure set_lamps;
end package body traffic_types;

library ieee;
use ieee.std_logic_1164.all;

entity timer is
  generic (ticks : positive := 50);
  port (
    clk   : in  std_logic;
    start : in  std_logic;
    done  : out std_logic
  );
end entity timer;

architecture counting of timer is
  signal left : natural range 0 to ticks := 0;
begin
  count : process (clk) is
  begin
    if rising_edge(clk) then
      if start = '1' then
        left <= ticks;
      elsif left > 0 then
        left <= left - 1;
      end if;
    end if;
  end process count;

  done <= '1' when left = 0 else '0';
end architecture counting;

library ieee;
use ieee.std_logic_1164.all;
use work.traffic_types.all;

entity crossing is
  port (
    clk    : in  std_logic;
    button : in  std_logic;
    n, e   : out lamp
  );
end entity crossing;

architecture lights of crossing is
  component timer is
    generic (ticks : positive);
    port (clk, start : in std_logic; done : out std_logic);
  end component timer;

  signal now   : phase := north;
  signal asked : boolean := false;
  signal start, done : std_logic := '0';
begin
  clock : timer
    generic map (ticks => 500)
    port map (clk => clk, start => start, done => done);

  -- The button is remembered until people have walked.
  remember : process (clk) is
  begin
    if rising_edge(clk) then
      if button = '1' then
        asked <= true;
      elsif now = walk then
        asked <= false;
      end if;
    end if;
  end process remember;

  step : process (clk) is
  begin
    if rising_edge(clk) then
      start <= '0';
      if done = '1' and start = '0' then
        now   <= next_phase(now, asked);
        start <= '1';
      end if;
    end if;
  end process step;

  set_lamps(now, n, e);
end architecture lights;
